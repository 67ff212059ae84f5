const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
const numbers = new Intl.NumberFormat("en-GB");

/** `1,234,567` */
export function formatCount(value: number): string {
  return numbers.format(value);
}

/** `12.3 MiB`; powers of 1024. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit] ?? "B"}`;
}

/** `just now`, `40 s ago`, `5 min ago`, `3 h ago`, `12 d ago`; both in milliseconds since 1970. */
export function formatAge(then: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - then) / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** `1:05` until a deadline, `0:00` once it is over. */
export function formatCountdown(deadline: number, now: number): string {
  const seconds = Math.max(0, Math.ceil((deadline - now) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** `tcp/443`; `icmp` where there is no port. */
export function formatPort(proto: string, port: number | null): string {
  return port === null ? proto : `${proto}/${port}`;
}

/** `2026-11-20 10:00:00` in the reader's zone. */
export function formatTime(iso: string): string {
  const date = new Date(iso);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The last part of a path, which is what people call a program. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1) || path;
}

/** `87 %` of a share between 0 and 1. */
export function formatShare(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** `1.25 ×`; a whole number without digits after the point. */
export function formatFactor(factor: number): string {
  return `${Number(factor.toFixed(2))} ×`;
}
