import type { Resource, Workload } from "@ringwall/model";
import { clean } from "../clean/clean.ts";
import type { Edge, LearnInput } from "../edge.ts";
import { type Link, linkTable } from "../links.ts";
import { type Party, partyWords } from "../party.ts";
import { type Aside, setAsideReport } from "../report/set-aside.ts";
import type { EdgeLabel } from "../result.ts";
import { portSpec } from "../rules/merge.ts";
import { nameSoftware, type SoftwareIndex } from "../software/name-software.ts";
import type { Subject } from "./attempt.ts";
import { classify, type DriftClass } from "./classify.ts";
import { policyJudge } from "./policy-judge.ts";
import { findReplicas, type Replica } from "./replicas.ts";

export type DriftInput = {
  /** The policy as it stands, segments and software included. */
  readonly resources: readonly Resource[];
  readonly edges: readonly Edge[];
  readonly inventory: readonly Workload[];
  readonly essential?: LearnInput["essential"];
};

export type DriftEdge = {
  readonly edge: EdgeLabel;
  readonly class: DriftClass;
  readonly words: string;
  /** Of a known upgrade: the policy's software that it is the new content of. */
  readonly upgraded?: readonly string[];
  readonly connections: number;
};

export type DriftResult = {
  /** Edges that the policy allows, and those nobody judges. */
  readonly allowed: number;
  readonly drifted: readonly DriftEdge[];
  readonly replicas: readonly Replica[];
};

/** What was seen since that the policy does not allow: a known role's, a known upgrade's, new, or suspicious. */
export function drift(input: DriftInput): DriftResult {
  const judge = policyJudge(input.resources, input.inventory);
  if (judge === null) return { allowed: 0, drifted: [], replicas: [] };
  const software = nameSoftware(input.edges, new Set());
  const { parties, links } = linkTable(input.edges, input.inventory, software);
  const context = { parties, software: software.groups, essential: input.essential ?? [] };
  const { kept, aside } = clean(links, context);
  const reasons = new Map<Link, Aside>(aside.map((one) => [one.link, one]));
  const subjects = links.map((link) => subjectOf(link, parties, software));
  const open = subjects.filter(
    (subject) => judge.allows(subject) === false && reasons.get(subject.link)?.reason !== "essential",
  );
  const usable = new Set(kept);
  const replicas = findReplicas(
    subjects.filter(({ link }) => usable.has(link)),
    parties,
    judge,
  );
  const drifted = open.map((subject) => {
    const finding = reasons.get(subject.link);
    const edge = labelOf(subject, software);
    const connections =
      subject.link.established + subject.link.refused + subject.link.timeout + subject.link.denied;
    const [reported] = finding === undefined ? [] : setAsideReport([finding], context);
    // Upgrades look like replaced content until the policy's own documents are asked.
    const isContent = finding?.reason === "changed-content";
    if (reported !== undefined && !isContent) {
      return {
        edge,
        class: reported.suspicious ? ("suspicious" as const) : ("new" as const),
        words: reported.words,
        connections,
      };
    }
    return { edge, ...classify(subject, { judge, replicas, subjects: open }), connections };
  });
  drifted.sort((a, b) => RANK[a.class] - RANK[b.class] || (keyOf(a.edge) < keyOf(b.edge) ? -1 : 1));
  return { allowed: links.length - open.length, drifted, replicas };
}

const RANK: Readonly<Record<DriftClass, number>> = {
  suspicious: 0,
  new: 1,
  "known-upgrade": 2,
  "known-role": 3,
};

function keyOf(edge: EdgeLabel): string {
  return [edge.src, edge.srcSoftware, edge.dst, edge.dstSoftware, edge.port].join("\t");
}

export function subjectOf(link: Link, parties: readonly Party[], software: SoftwareIndex): Subject {
  const identity = (id: number): Subject["program"] => software.groups[id]?.identities.at(-1) ?? null;
  return { link, parties, program: identity(link.srcSoftware), server: identity(link.dstSoftware) };
}

function labelOf({ link, parties }: Subject, software: SoftwareIndex): EdgeLabel {
  return {
    src: link.srcIp ?? partyWords(parties[link.src]),
    srcSoftware: software.groups[link.srcSoftware]?.name ?? null,
    dst: link.ip ?? partyWords(parties[link.dst]),
    dstSoftware: software.groups[link.dstSoftware]?.name ?? null,
    port: portSpec(link.proto, link.port),
  };
}
