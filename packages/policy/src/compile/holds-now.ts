import type { NetworkRule } from "../policy-set/rules.ts";
import { expiryMs, inWindow } from "../policy-set/time.ts";

/** Whether an allow can hold again one day: it may be outside its hours now, but has not expired. */
export function mayHoldAgain(rule: NetworkRule, nowMs: number): boolean {
  return rule.action === "allow" && (rule.expires === undefined || nowMs < expiryMs(rule.expires));
}

/** Windows and expiries at the time of compiling; what can't be told keeps denies and drops allows. */
export function holdsNow(rule: NetworkRule, nowMs: number): boolean {
  if (rule.expires !== undefined && nowMs >= expiryMs(rule.expires)) return false;
  const inside = rule.when === undefined ? true : inWindow(rule.when, nowMs);
  return rule.action === "allow" ? inside === true : inside !== false;
}
