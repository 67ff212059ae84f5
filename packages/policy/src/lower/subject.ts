import type { ProcessIdentity } from "@ringwall/model";
import type { HostPolicy, HostRule, ProcessSelector } from "./host-policy.ts";
import { allOf, anyOf, matchSoftware, type Truth } from "./match-software.ts";

/** For each process selector of a host policy, whether a process meets it. */
export type Subject = readonly Truth[];

/** The process of which nothing is known: it may be any, but not the agent, which the kernel knows by its mark. */
export function NOBODY(policy: HostPolicy): Subject {
  return policy.processSelectors.map((selector) => (selector.agent === true ? false : null));
}

export function judgeSelector(
  policy: HostPolicy,
  selector: ProcessSelector,
  identity: ProcessIdentity,
): Truth {
  const { software, user, unit, container } = selector;
  if (selector.agent === true) return false;
  return allOf([
    software === undefined ? true : judgeSoftware(policy, software, identity),
    user?.includes(identity.user ?? "") ?? true,
    unit?.includes(identity.unit ?? "") ?? true,
    container?.includes(identity.container ?? "") ?? true,
  ]);
}

function judgeSoftware(
  policy: HostPolicy,
  software: NonNullable<ProcessSelector["software"]>,
  identity: ProcessIdentity,
): Truth {
  const among = anyOf(software.names.map((name) => matchSoftware(policy.software[name] ?? [], identity)));
  return software.not && among !== null ? !among : among;
}

/** Whether a rule speaks for the process: an allow needs it known, a deny takes what is not known as true. */
export function ruleHolds(rule: Pick<HostRule, "process" | "action">, subject: Subject | null): boolean {
  if (rule.process === null) return true;
  if (subject === null) return false;
  const truth = subject[rule.process] ?? null;
  return rule.action === "allow" ? truth === true : truth !== false;
}
