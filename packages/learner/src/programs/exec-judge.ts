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
  const set = policySetOf(resources.map(governing));
  return (exec) => {
    const verdict = decideExec(set, inventory.value, recordOf(exec));
    if (!verdict.ok) return false;
    const { rule } = verdict.value.processes;
    return rule !== "default" && rule !== "ungoverned";
  };
}

/** Rules are asked even where the segment does not govern processes yet. */
function governing(one: Resource): Resource {
  if (one.kind !== "Segment" || one.spec.mode !== undefined || one.spec.modes?.processes !== undefined)
    return one;
  return { ...one, spec: { ...one.spec, modes: { ...one.spec.modes, processes: "observe" } } };
}

function recordOf({ workload, process, lastMs }: Exec): ExecRecord {
  const { image: _, environment, ...exec } = process;
  return { time: new Date(lastMs).toISOString(), workload, exec: { ...exec, environment: [...environment] } };
}

/** Segments listed by name in a note. */
const NAMED_MAX = 5;

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
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : "";
  return [
    `what may run is proposed for ${names.slice(0, NAMED_MAX).join(", ")}${more}, and does nothing yet: ` +
      "add `processes: observe` to a segment's modes, and block only once its records stay empty",
  ];
}
