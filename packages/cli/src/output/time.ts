const STEPS = [
  { unit: "d", seconds: 86_400 },
  { unit: "h", seconds: 3600 },
  { unit: "min", seconds: 60 },
  { unit: "s", seconds: 1 },
] as const;

/** A span in its largest whole unit: `3 d`, `2 h`, `45 s`; `now` below a second. Negative spans count as 0. */
export function formatSpan(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const step = STEPS.find((one) => seconds >= one.seconds);
  return step === undefined ? "now" : `${Math.floor(seconds / step.seconds)} ${step.unit}`;
}

/** How long ago an instant (ISO 8601) was, seen from `nowMs`. */
export function formatAgo(instant: string, nowMs: number): string {
  const span = formatSpan(nowMs - Date.parse(instant));
  return span === "now" ? span : `${span} ago`;
}

/** The time of day in the reader's zone, `14:03:59`. */
export function formatClock(instant: string): string {
  return new Date(instant).toTimeString().slice(0, 8);
}

/** A duration that a user writes, `45`, `90s`, `5m`, `2h`, `7d`, in seconds; undefined where it is none. Bare numbers are seconds. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,7})([smhd]?)$/.exec(text);
  if (match === null) return undefined;
  const factor = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 }[match[2] as "" | "s" | "m" | "h" | "d"];
  return Number(match[1]) * factor;
}
