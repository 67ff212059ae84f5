import type { Link } from "../links.ts";
import type { Party } from "../party.ts";
import type { SetAsideReason } from "../result.ts";
import type { Partition } from "../segment/partition.ts";
import type { SoftwareGroup } from "../software/software-group.ts";
import { edgeClasses } from "./classes.ts";
import { draftOf, mergeLossless, type RuleDraft } from "./merge.ts";
import { burstShareOf, estimateCoverage, supportOf } from "./support.ts";

type Context = {
  readonly parties: readonly Party[];
  readonly software: readonly SoftwareGroup[];
  readonly partition: Partition;
  readonly tightness: number;
};

export type Drafted = {
  readonly rules: readonly RuleDraft[];
  readonly aside: readonly { readonly link: Link; readonly reason: SetAsideReason }[];
};

/** Stage 4: classes of edges that have support become rules; the rest is set aside with the reason. */
export function draftRules(links: readonly Link[], context: Context): Drafted {
  const { partition, software } = context;
  const classes = edgeClasses(links, context.parties, partition);
  const support = {
    software,
    partition,
    coverage: estimateCoverage(classes, partition),
    burstShare: burstShareOf(classes, windowOf(links)),
    runners: runnersOf(links, context),
  };
  const drafts: RuleDraft[] = [];
  const aside: { link: Link; reason: SetAsideReason }[] = [];
  for (const edgeClass of classes) {
    const { confidence, objection } = supportOf(edgeClass, support);
    if (objection === null) drafts.push(draftOf(edgeClass, confidence));
    else for (const link of edgeClass.links) aside.push({ link, reason: objection });
  }
  return { rules: mergeLossless(drafts), aside };
}

function windowOf(links: readonly Link[]): number {
  let first = Infinity;
  let last = -Infinity;
  for (const link of links) {
    first = Math.min(first, link.firstMs);
    last = Math.max(last, link.lastMs);
  }
  return Math.max(0, last - first);
}

function runnersOf(
  links: readonly Link[],
  { parties, partition }: Context,
): ReadonlyMap<string, ReadonlySet<number>> {
  const runners = new Map<string, Set<number>>();
  const note = (party: number, program: number): void => {
    const who = parties[party];
    const number = who?.kind === "workload" ? partition.of.get(who.name) : undefined;
    if (number === undefined) return;
    const key = `${number} ${program}`;
    runners.set(key, (runners.get(key) ?? new Set<number>()).add(party));
  };
  for (const link of links) {
    note(link.src, link.srcSoftware);
    note(link.dst, link.dstSoftware);
  }
  return runners;
}
