const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** What `since` means where it is left out. */
export const SINCE_DEFAULT = "24h";

/** Milliseconds of `15m`, `24h`, `7d`; the shape is checked by the schema. */
export function durationMs(since: string | undefined): number {
  const text = since ?? SINCE_DEFAULT;
  return Number.parseInt(text, 10) * (UNITS_MS[text.at(-1) ?? ""] ?? 0);
}

/** Clocks of hosts may be a little ahead. */
export const FUTURE_MS = 120_000;
