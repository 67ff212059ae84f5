import type { Resource } from "@ringwall/model";
import { type Refusal, refusal } from "../refusal.ts";

export function noSuchRevision(revision: number): Refusal {
  return refusal(404, "no-such-revision", `there is no revision ${revision}`, {
    fix: "`ringwall get revisions` lists them",
  });
}

export function nothingToRollBack(): Refusal {
  return refusal(409, "nothing-to-roll-back", "no revision was live before the one that is", {
    fix: "name one: `ringwall rollback REVISION`",
  });
}

export function noSuchSegment(name: string, resources: readonly Resource[]): Refusal {
  const names = resources.filter((one) => one.kind === "Segment").map((one) => `\`${one.metadata.name}\``);
  return refusal(404, "unknown-segment", `no segment \`${name}\` is live`, {
    fix:
      names.length === 0
        ? "provision one first: `ringwall learn`, then `ringwall provision`"
        : `there are ${names.join(", ")}`,
  });
}

export function agentAway(name: string): Refusal {
  return refusal(409, "agent-away", `the agent of \`${name}\` is not connected, so it can't be told`, {
    fix: "log in on the host: `ringwall agent pause --for 15m` works there without a controller",
  });
}

export function carriedWorkload(name: string, host: string): Refusal {
  return refusal(409, "carried", `\`${name}\` is judged by the programs of its host`, {
    fix: `pause the host and all it carries: \`ringwall pause ${host} --for 15m\``,
  });
}

export function unknownWorkload(name: string): Refusal {
  return refusal(404, "unknown-workload", `no workload \`${name}\` is enrolled`, {
    fix: "`ringwall get workloads` lists them; a workload without an agent gets its labels in the policy's text",
  });
}
