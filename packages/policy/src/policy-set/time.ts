import type { Policy, TimeWindow } from "@ringwall/model";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const MINUTES_PER_DAY = 1440;
export const MS_PER_DAY = 86_400_000;

/** Whether an instant lies in the window; null where the zone is not known. A window past midnight belongs to the day on which it began. */
export function inWindow(window: TimeWindow, timeMs: number): boolean | null {
  const local = localTime(timeMs, window.zone ?? "UTC");
  if (local === null) return null;
  const from = minutesOf(window.from ?? "00:00");
  const to = minutesOf(window.to ?? "24:00");
  const { day, minute } = local;
  if (from < to) return minute >= from && minute < to && onDay(window, day);
  if (minute >= from) return onDay(window, day);
  return minute < to && onDay(window, (day + 6) % 7);
}

/** Milliseconds since 1970 at which an expiry date's day is over. */
export function expiryMs(expires: NonNullable<Policy["metadata"]["expires"]>): number {
  return Date.parse(`${expires}T00:00:00Z`) + MS_PER_DAY;
}

/** True where the IANA database of the runtime has the zone. */
export function isZone(zone: string): boolean {
  return formatterOf(zone) !== null;
}

function onDay(window: TimeWindow, day: number): boolean {
  return window.days === undefined || window.days.some((spec) => dayMatches(spec, day));
}

/** `mon`, or `fri-mon` around the end of the week; days count from Monday = 0. */
function dayMatches(spec: string, day: number): boolean {
  const [first = "", last = first] = spec.split("-");
  const from = DAYS.indexOf(first as (typeof DAYS)[number]); // -1 for anything else, which matches no day
  const to = DAYS.indexOf(last as (typeof DAYS)[number]);
  return from <= to ? day >= from && day <= to : day >= from || day <= to;
}

function minutesOf(clock: string): number {
  const [hours = "0", minutes = "0"] = clock.split(":");
  return Math.min(Number(hours) * 60 + Number(minutes), MINUTES_PER_DAY);
}

function localTime(timeMs: number, zone: string): { readonly day: number; readonly minute: number } | null {
  const formatter = formatterOf(zone);
  if (formatter === null || Number.isNaN(timeMs)) return null;
  const parts = Object.fromEntries(formatter.formatToParts(timeMs).map(({ type, value }) => [type, value]));
  const day = DAYS.indexOf((parts["weekday"] ?? "").toLowerCase() as (typeof DAYS)[number]); // "Mon" … "Sun"
  return { day, minute: (Number(parts["hour"]) % 24) * 60 + Number(parts["minute"]) };
}

function formatterOf(zone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
  } catch {
    return null; // RangeError: the runtime has no such zone
  }
}

/** Minutes since local midnight; null where the zone is not known. */
export function minuteOfDay(timeMs: number, zone: string): number | null {
  return localTime(timeMs, zone)?.minute ?? null;
}
