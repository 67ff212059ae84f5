import type { PolicySet } from "./policy-set.ts";
import { networkRules } from "./rules.ts";
import { expiryMs, minuteOfDay } from "./time.ts";

const MS_PER_MINUTE = 60_000;
const MINUTES_PER_DAY = 1440;
/** While there are windows, look again at least this often: clocks change, and a day may have 23 or 25 hours. */
const LOOK_AGAIN_MS = 60 * MS_PER_MINUTE;

/** Milliseconds since 1970 at which a window opens or closes or a policy expires, or may do so; null = never. Compile again then. */
export function nextTimeChangeMs(set: PolicySet, nowMs: number): number | null {
  const times: number[] = [];
  for (const { when, expires } of networkRules(set)) {
    if (expires !== undefined && expiryMs(expires) > nowMs) times.push(expiryMs(expires));
    if (when === undefined) continue;
    const minute = minuteOfDay(nowMs, when.zone ?? "UTC");
    if (minute === null) continue;
    const thisMinute = Math.floor(nowMs / MS_PER_MINUTE) * MS_PER_MINUTE;
    for (const clock of [when.from ?? "00:00", when.to ?? "24:00"]) {
      const [hours = "0", minutes = "0"] = clock.split(":");
      const ahead = (Number(hours) * 60 + Number(minutes) - minute + 2 * MINUTES_PER_DAY) % MINUTES_PER_DAY;
      times.push(thisMinute + (ahead === 0 ? MINUTES_PER_DAY : ahead) * MS_PER_MINUTE);
    }
    times.push(nowMs + LOOK_AGAIN_MS);
  }
  return times.length === 0 ? null : Math.min(...times);
}
