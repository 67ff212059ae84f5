import type { Subject } from "../drift/attempt.ts";
import { isMetadataBlock } from "../knowledge/addresses.ts";
import type { Link } from "../links.ts";
import type { Party } from "../party.ts";
import type { Aside } from "../report/set-aside.ts";
import { NOTHING_REMEMBERED, type Remembered } from "../review/remembered.ts";
import type { Partition } from "../segment/partition.ts";
import { isSigned, type SoftwareGroup } from "../software/software-group.ts";
import { type EdgeClass, edgeClasses } from "./classes.ts";
import { discoveryRules, isDiscovery } from "./discovery.ts";
import { insideRules } from "./inside.ts";
import { likeness, sourcesOfServices } from "./likeness.ts";
import { draftOf, mergeLossless, type RuleDraft } from "./merge.ts";
import { burstShareOf, estimateCoverage, supportOf, thinShareOf } from "./support.ts";
import { zoneKey } from "./zone.ts";

/** However loose or tight, what is nearly certain stays in and what is nearly certainly wrong stays out. */
const CONFIDENCE_MOST = 0.98;

type Context = {
  readonly parties: readonly Party[];
  readonly software: readonly SoftwareGroup[];
  readonly partition: Partition;
  readonly tightness: number;
  /** Links that an existing policy allows: they lend support, and need no rule. */
  readonly isSettled?: (link: Link) => boolean;
  /** Rules that people turned down. */
  readonly remembered?: Remembered;
};

export type Drafted = {
  readonly rules: readonly RuleDraft[];
  readonly aside: readonly Aside[];
  /** Share of a class's possible pairs that the window shows, 0–1. */
  readonly coverage: number;
};

/** Stage 4: classes of edges that have support become rules; the rest is set aside with the reason. */
export function draftRules(links: readonly Link[], context: Context): Drafted {
  const { partition, software, parties } = context;
  const isSettled = context.isSettled ?? (() => false);
  const { kept, aside } = withoutRejected(links, context);
  const inside = insideRules(kept, context);
  const classes = edgeClasses(inside.rest, parties, partition);
  const coverage = estimateCoverage(classes, partition);
  const support = {
    software,
    partition,
    coverage,
    burstShare: burstShareOf(classes, windowOf(links)),
    runners: runnersOf(links, context),
    thinShare: thinShareOf(classes),
    areAlike: likeness(links, parties),
    sourcesOf: sourcesOfServices(links),
    hasEvidence: software.filter((group) => group.identities.some(isSigned)).length * 3 >= software.length,
    isMain: mainPrograms(links, context),
    serversOf: serversOfClasses(classes),
    confidenceMin: Math.min(CONFIDENCE_MOST, Math.max(1 - CONFIDENCE_MOST, context.tightness)),
  };
  const drafts: RuleDraft[] = [];
  const discovery = classes.filter((one) => one.from.kind === "segment" && isDiscovery(one));
  for (const edgeClass of classes) {
    if (discovery.includes(edgeClass) || edgeClass.links.every(isSettled)) continue;
    const { confidence, objection } = supportOf(edgeClass, support);
    if (objection === null) drafts.push(draftOf(edgeClass, confidence));
    else for (const link of edgeClass.links) aside.push({ link, reason: objection });
  }
  const isOpen = (draft: RuleDraft): boolean => !draft.links.every(isSettled);
  const insiders = inside.drafts.map((draft) => withoutDoubted(draft, drafts, aside));
  const merged = mergeLossless(drafts).map(forEverybody);
  return {
    rules: [...merged, ...discoveryRules(discovery).filter(isOpen), ...insiders.filter(isOpen)],
    aside,
    coverage,
  };
}

/** Whole classes at a time: what one link of a class stands for, all of it does. */
function withoutRejected(
  links: readonly Link[],
  { parties, partition, software, remembered = NOTHING_REMEMBERED }: Context,
): { readonly kept: readonly Link[]; readonly aside: Aside[] } {
  if (remembered === NOTHING_REMEMBERED) return { kept: links, aside: [] };
  const identity = (id: number): Subject["program"] => software[id]?.identities.at(-1) ?? null;
  const rejected = new Map<Link, Aside>();
  for (const { links: own } of edgeClasses(links, parties, partition)) {
    const [link] = own;
    if (link === undefined) continue;
    const { srcSoftware, dstSoftware } = link;
    const subject = { link, parties, program: identity(srcSoftware), server: identity(dstSoftware) };
    const rejection = remembered.ofLink(subject);
    if (rejection === null) continue;
    for (const each of own) rejected.set(each, { link: each, reason: "rejected", rejection });
  }
  return { kept: links.filter((link) => !rejected.has(link)), aside: [...rejected.values()] };
}

/** A program of which nothing else was believed is not let call inside the host either, unless it was seen to. */
function withoutDoubted(
  draft: RuleDraft,
  believed: readonly RuleDraft[],
  aside: readonly Aside[],
): RuleDraft {
  const doubted = new Set(aside.map(({ link }) => link.srcSoftware));
  for (const { fromSoftware, toSoftware } of believed)
    for (const id of [...fromSoftware, ...toSoftware]) doubted.delete(id);
  for (const { srcSoftware } of draft.links) doubted.delete(srcSoftware);
  const fromSoftware = draft.fromSoftware.filter((id) => !doubted.has(id));
  return fromSoftware.length === 0 ? draft : { ...draft, fromSoftware };
}

/** What a segment is for: the program with the most days of calls on its hosts, all that serve there, and what others run too. */
function mainPrograms(
  links: readonly Link[],
  { parties, partition }: Context,
): (segment: number, software: number) => boolean {
  const serving = new Set<string>();
  const hosts = new Map<number, Set<number>>();
  const calls = new Map<number, Map<number, number>>();
  const segmentOf = (party: number): number => {
    const who = parties[party];
    return who?.kind === "workload" ? (partition.of.get(who.name) ?? -1) : -1;
  };
  for (const link of links) {
    hosts.set(link.srcSoftware, (hosts.get(link.srcSoftware) ?? new Set<number>()).add(link.src));
    serving.add(`${segmentOf(link.dst)} ${link.dstSoftware}`);
    const own = calls.get(segmentOf(link.src)) ?? new Map<number, number>();
    calls.set(segmentOf(link.src), own);
    own.set(link.srcSoftware, (own.get(link.srcSoftware) ?? 0) + link.days);
  }
  const most = new Map(
    [...calls].map(([segment, own]) => [segment, [...own].sort(([a, x], [b, y]) => y - x || a - b)[0]?.[0]]),
  );
  return (segment, software) =>
    serving.has(`${segment} ${software}`) ||
    most.get(segment) === software ||
    (hosts.get(software)?.size ?? 0) >= 2;
}

/** How many members of a segment serve a program and port to anybody. */
function serversOfClasses(classes: readonly EdgeClass[]): (edgeClass: EdgeClass) => number {
  const servers = new Map<string, Set<number>>();
  const keyOf = ({ to, toSoftware, proto, port }: EdgeClass): string =>
    `${zoneKey(to)} ${toSoftware} ${proto} ${port}`;
  for (const one of classes) {
    const own = servers.get(keyOf(one)) ?? new Set<number>();
    servers.set(keyOf(one), own);
    for (const link of one.links) own.add(link.dst);
  }
  return (edgeClass) => servers.get(keyOf(edgeClass))?.size ?? 1;
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
