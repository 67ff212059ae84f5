import type { Problem, Segment } from "@ringwall/model";
import { isManaged } from "../policy-set/inventory.ts";
import { selectsWorkload } from "../policy-set/labels.ts";
import { runRules } from "../policy-set/run-rules.ts";
import type { World } from "./check.ts";
import { nearestLabels } from "./nearest-labels.ts";
import { problemAt } from "./problem.ts";

export function segmentProblems(world: World): readonly Problem[] {
  return world.set.segments.flatMap((segment) => [
    ...membersProblems(world, segment),
    ...runProblems(world, segment),
  ]);
}

function membersProblems({ set, inventory }: World, segment: Segment): readonly Problem[] {
  if (inventory.workloads.length === 0) return [];
  const members = inventory.workloads.filter((one) => selectsWorkload(segment.spec.workloads, one));
  const { name } = segment.metadata;
  if (members.length === 0) {
    const message = `the segment \`${name}\` selects no workload`;
    const fix = nearestLabels(inventory.workloads, segment.spec.workloads);
    return [
      problemAt(set, segment, ["spec", "workloads"], {
        code: "stale-selector",
        severity: "warning",
        message,
        fix,
      }),
    ];
  }
  const { mode, modes } = segment.spec;
  const blocks = [mode, modes?.inbound, modes?.outbound].includes("block");
  if (!blocks || members.some(isManaged)) return [];
  const message = `no workload of the segment \`${name}\` carries an agent: nothing here will be blocked`;
  return [
    problemAt(set, segment, ["spec"], {
      code: "no-agent",
      severity: "warning",
      message,
      fix: "enrol agents, or export the policy to the network",
    }),
  ];
}

/** An allow list that allows nothing would stop the host. */
function runProblems({ set }: World, segment: Segment): readonly Problem[] {
  const { mode, modes } = segment.spec;
  if ((mode ?? modes?.processes) !== "block") return [];
  const { name } = segment.metadata;
  if (runRules(set).some((rule) => rule.segments.includes(name))) return [];
  const message = `the segment \`${name}\` has \`processes: block\`, but no \`run\` rule says what may run there`;
  const path = mode === undefined ? ["spec", "modes", "processes"] : ["spec", "mode"];
  return [
    problemAt(set, segment, path, {
      code: "block-without-run",
      severity: "error",
      message,
      fix: "add a `run` rule, or leave `processes` at `alert`",
    }),
  ];
}
