import type { Party } from "../party.ts";
import type { Subject } from "./attempt.ts";
import type { PolicyJudge } from "./policy-judge.ts";

/** A workload that no segment holds, and the segment whose rules explain what it does. */
export type Replica = {
  readonly workload: string;
  readonly segment: string;
  /** Share of its edges that the segment's rules permit, 0–1. */
  readonly explained: number;
  readonly words: string;
};

/** Edges that must speak for a workload's role, and the share of them that must fit. */
const EDGES_MIN = 2;
const EXPLAINED_MIN = 0.75;

/** New workloads of known roles: put in a member's place, nearly all that they do is permitted. */
export function findReplicas(
  subjects: readonly Subject[],
  parties: readonly Party[],
  judge: PolicyJudge,
): readonly Replica[] {
  const own = new Map<string, Subject[]>();
  for (const subject of subjects) {
    for (const party of [parties[subject.link.src], parties[subject.link.dst]]) {
      if (party?.kind !== "workload" || judge.segmentOf(party.name) !== null) continue;
      const list = own.get(party.name);
      if (list === undefined) own.set(party.name, [subject]);
      else list.push(subject);
    }
  }
  return [...own]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([workload, edges]) => replicaOf(workload, edges, parties, judge) ?? []);
}

function replicaOf(
  workload: string,
  edges: readonly Subject[],
  parties: readonly Party[],
  judge: PolicyJudge,
): Replica | null {
  if (edges.length < EDGES_MIN) return null;
  let best: Replica | null = null;
  let second = 0;
  for (const { segment, members } of judge.segments) {
    const [member] = members;
    if (member === undefined) continue;
    const fits = edges.filter(({ link }, index) => {
      const subject = edges[index];
      const side = isParty(parties[link.src], workload) ? { src: member } : { dst: member };
      return subject !== undefined && judge.allows(subject, side) === true;
    }).length;
    const explained = fits / edges.length;
    if (best !== null && explained <= best.explained) {
      second = Math.max(second, explained);
      continue;
    }
    second = best?.explained ?? 0;
    const name = segment.metadata.name;
    best = {
      workload,
      segment: name,
      explained,
      words: `${fits} of its ${edges.length} edges are what \`${name}\` does`,
    };
  }
  return best !== null && best.explained >= EXPLAINED_MIN && best.explained > second ? best : null;
}

function isParty(party: Party | undefined, workload: string): boolean {
  return party?.kind === "workload" && party.name === workload;
}
