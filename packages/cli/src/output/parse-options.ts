import { isIP } from "node:net";
import { InvalidArgumentError } from "commander";
import { parseDuration } from "./time.ts";

// The protocol's limits, a test compares: what declares commands loads no other package.
export const PAUSE_SECONDS_MAX = 4 * 3600;
export const DRILL_EVERY_SECONDS_MIN = 3_600;
export const DRILL_EVERY_SECONDS_MAX = 31 * 86_400;

/** Commander's parser for a look-back such as `15m`, `24h`, `7d`. */
export function parseSince(text: string): string {
  if (!/^\d{1,4}[smhd]$/.test(text))
    throw new InvalidArgumentError("write a duration such as `15m`, `24h`, `7d`.");
  return text;
}

/** Commander's parser for a whole number within limits. */
export function parseWhole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`write a whole number from ${min} to ${max}.`);
  };
}

/** Commander's parser for a duration within limits, in seconds: `60s`, `5m`, `1h`, or bare seconds. */
export function parseSeconds(min: number, max: number): (text: string) => number {
  return (text) => {
    const seconds = parseDuration(text);
    if (seconds !== undefined && seconds >= min && seconds <= max) return seconds;
    throw new InvalidArgumentError(`write a duration from ${min}s to ${max}s, such as \`60s\` or \`5m\`.`);
  };
}

/** Commander's collector for a repeatable IPv4 or IPv6 address. */
export function collectAddress(text: string, previous: readonly string[] = []): readonly string[] {
  if (isIP(text) === 0) throw new InvalidArgumentError("write an IPv4 or IPv6 address.");
  return [...previous, text];
}

/** Commander's collector for a repeatable `KEY=VALUE`. */
export function collectLabel(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("write a label as `KEY=VALUE`.");
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
}
