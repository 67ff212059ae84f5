import { type ExecRecord, fail, type Mode, type Outcome, ok, type Result } from "@ringwall/model";
import { isEssentialExec } from "../lower/essential-execs.ts";
import { anyOf, type KnownProcess, matchSoftware } from "../lower/match-software.ts";
import type { Inventory } from "../policy-set/inventory.ts";
import { modesOf } from "../policy-set/modes.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { runRulesOf } from "../policy-set/run-rules.ts";
import { unknownNames } from "../policy-set/unknown-names.ts";

/** What `run` rules make of a program that was started. */
export type ExecVerdict = {
  readonly line: number;
  readonly outcome: Outcome;
  readonly processes: {
    readonly decision: "allow" | "deny";
    readonly outcome: Outcome;
    /** `POLICY/RULE NAME`, `essential/exec`, `default`, or `ungoverned` where no segment or no `run` rule speaks. */
    readonly rule: string;
    readonly mode: Mode | null;
  };
};

/** Judges an exec record by the `run` rules of its workload's segments: an allow list, default deny. */
export function decideExec(
  set: PolicySet,
  inventory: Inventory,
  record: ExecRecord,
  options: { readonly line?: number } = {},
): Result<ExecVerdict> {
  const problems = unknownNames(set, inventory, record);
  const workload = inventory.byName.get(record.workload);
  if (workload === undefined) return fail(problems);
  const mode = modesOf(set, workload).processes;
  const line = options.line ?? 1;
  const answer = (decision: "allow" | "deny", rule: string, outcome: Outcome): Result<ExecVerdict> =>
    ok({ line, outcome, processes: { decision, outcome, rule, mode } });
  if (isEssentialExec(record.exec.exe)) return answer("allow", "essential/exec", "allowed");
  const rules = runRulesOf(set, workload);
  if (mode === null || (rules.length === 0 && mode !== "block"))
    return answer("allow", "ungoverned", "allowed");
  const hit = rules.find(
    ({ software }) => anyOf(software.map((name) => isSoftware(set, name, record))) === true,
  );
  if (hit !== undefined) return answer("allow", hit.name, "allowed");
  return answer("deny", "default", mode === "block" ? "blocked" : "would-block");
}

function isSoftware(set: PolicySet, name: string, record: ExecRecord): boolean | null {
  const software = set.software.find((one) => one.metadata.name === name);
  if (software === undefined) return null;
  // The same keys as a process identity; what is left out is not known.
  return matchSoftware(software.spec.anyOf, { image: undefined, ...record.exec } as KnownProcess);
}
