import type { ExecRecord, Resource, Workload } from "@ringwall/model";
import { decideExec, inventoryOf, policySetOf } from "@ringwall/policy";
import type { Exec } from "../exec.ts";

/** Whether a policy's `run` rules let a program be started; false too where none speaks for its workload. */
export function execJudge(
  resources: readonly Resource[],
  workloads: readonly Workload[],
): (exec: Exec) => boolean {
  const inventory = inventoryOf(workloads);
  if (!inventory.ok) return () => false;
  const set = policySetOf(resources);
  return (exec) => {
    const verdict = decideExec(set, inventory.value, recordOf(exec));
    if (!verdict.ok) return false;
    const { rule } = verdict.value.processes;
    return rule !== "default" && rule !== "ungoverned";
  };
}

function recordOf({ workload, process, lastMs }: Exec): ExecRecord {
  const { image: _, environment, ...exec } = process;
  return { time: new Date(lastMs).toISOString(), workload, exec: { ...exec, environment: [...environment] } };
}

/** Segments that a new rule speaks for and whose text does not govern processes: the rule does nothing there yet. */
export function ungovernedNotes(
  resources: readonly Resource[],
  governed: ReadonlySet<string>,
): readonly string[] {
  const names = resources.flatMap((one) =>
    one.kind === "Segment" &&
    governed.has(one.metadata.name) &&
    one.spec.mode === undefined &&
    one.spec.modes?.processes === undefined
      ? [`\`${one.metadata.name}\``]
      : [],
  );
  if (names.length === 0) return [];
  return [
    `${names.join(", ")}: a rule about what may run is proposed, and the segment does not govern processes yet; ` +
      "add `processes: observe` to its modes",
  ];
}
