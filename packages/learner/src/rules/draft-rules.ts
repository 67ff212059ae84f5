import { isMetadataBlock } from "../knowledge/addresses.ts";
import type { Link } from "../links.ts";
import type { Party } from "../party.ts";
import type { SetAsideReason } from "../result.ts";
import type { Partition } from "../segment/partition.ts";
import type { SoftwareGroup } from "../software/software-group.ts";
import { edgeClasses } from "./classes.ts";
import { discoveryRules, isDiscovery } from "./discovery.ts";
import { insideRules } from "./inside.ts";
import { likeness, sourcesOfServices } from "./likeness.ts";
import { draftOf, mergeLossless, type RuleDraft } from "./merge.ts";
import { burstShareOf, estimateCoverage, supportOf, thinShareOf } from "./support.ts";

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
  const { partition, software, parties } = context;
  const inside = insideRules(links, context);
  const classes = edgeClasses(inside.rest, parties, partition);
  const support = {
    software,
    partition,
    coverage: estimateCoverage(classes, partition),
    burstShare: burstShareOf(classes, windowOf(links)),
    runners: runnersOf(links, context),
    thinShare: thinShareOf(classes),
    areAlike: likeness(links, parties),
    sourcesOf: sourcesOfServices(links),
  };
  const drafts: RuleDraft[] = [];
  const aside: { link: Link; reason: SetAsideReason }[] = [];
  const discovery = classes.filter((one) => one.from.kind === "segment" && isDiscovery(one));
  for (const edgeClass of classes) {
    if (discovery.includes(edgeClass)) continue;
    const { confidence, objection } = supportOf(edgeClass, support);
    if (objection === null) drafts.push(draftOf(edgeClass, confidence));
    else for (const link of edgeClass.links) aside.push({ link, reason: objection });
  }
  const merged = mergeLossless(drafts).map(forEverybody);
  return { rules: [...merged, ...discoveryRules(discovery), ...inside.drafts], aside };
}

/** What several segments' hosts need of the platform under them, the hosts of tomorrow need too. */
function forEverybody(draft: RuleDraft): RuleDraft {
  const isPlatform = draft.to.every((zone) => zone.kind === "cidr" && isMetadataBlock(zone.block));
  const isShared = draft.from.length >= 2 && draft.from.every((zone) => zone.kind === "segment");
  return isPlatform && isShared && !draft.fromSoftware.includes(-1) ? { ...draft, everybody: true } : draft;
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
