import { isMetadataBlock } from "../knowledge/addresses.ts";
import type { Link } from "../links.ts";
import type { SetAsideReason } from "../result.ts";
import type { Partition } from "../segment/partition.ts";
import type { SoftwareGroup } from "../software/software-group.ts";
import { type EdgeClass, type Pairs, pairsOf } from "./classes.ts";

const DAY_MS = 86_400_000;
/** Before anything is known of it, a class of edges that came through cleaning is legitimate with this probability. */
const PRIOR = 0.9;
/** Share of an attacker's edge classes that show on only one source host. */
const ATTACK_SINGLE_SOURCE = 0.85;
/** Share of an attacker's edge classes that are over within a day. */
const ATTACK_BURST_SHARE = 0.9;
/** How much what comes back on other days speaks for honest work: patient intruders do too. */
const LASTING_RATIO = 3;
/** No window is so regular that a single day can't be honest work. */
const BURST_SHARE_MIN = 0.01;
/** Where more of the honest classes are bursts, a burst tells nothing. */
const BURST_SHARE_TELLING = 0.3;
/** Odds that two or more hosts of a role lend to what they both do. */
const SEVERAL_SOURCES_RATIO = 20;
const WINDOW_DAYS_MIN_FOR_TIME = 3;
/** How much likelier than an honest job an intruder's program is to run on one host of several alike. */
const LONER_RATIO = 4;
const LONER_BINARY_RATIO = 40;
/** So few connections within so short a time are hardly any evidence. */
const THIN_CONNECTIONS_MAX = 3;
const THIN_SPAN_MS_MAX = 3_600_000;
const THIN_SHARE_TELLING = 0.5;
/** An edge between clients that comes back on so many days is their work. */
const PERSISTENT_DAYS = 3;
/** Coverage assumed where no class is large enough to show it. */
const COVERAGE_UNKNOWN = 0.7;

export type SupportContext = {
  readonly software: readonly SoftwareGroup[];
  readonly partition: Partition;
  /** Share of a class's possible pairs that the window shows, 0–1. */
  readonly coverage: number;
  /** Share of honest classes that show on a single day; null where the window is too short to tell. */
  readonly burstShare: number | null;
  /** Share of classes with hardly any evidence; where it is large, the records are sparse and thinness tells nothing. */
  readonly thinShare: number;
  readonly areAlike: (a: number, b: number) => boolean;
  readonly sourcesOf: (link: Link) => number;
  /** Members of the destination's segment that serve this program and port to anybody. */
  readonly serversOf: (edgeClass: EdgeClass) => number;
  /** Much of the fleet's software is vouched for by packages, so what is not stands out. */
  readonly hasEvidence: boolean;
  /** True for the program that a segment's hosts are for, and for whatever serves there. */
  readonly isMain: (segment: number, software: number) => boolean;
  /** Odds from which on a class is learned, as a probability. */
  readonly confidenceMin: number;
  /** Segment number, software → members that run it. */
  readonly runners: ReadonlyMap<string, ReadonlySet<number>>;
};

export type Support = { readonly confidence: number; readonly objection: SetAsideReason | null };

/**
 * How sure it is that a class of edges belongs there: the odds of seeing just so many of a role's hosts if the role
 * does this, against one host doing it alone, times what its rhythm says. Counts independent hosts, never connections.
 */
export function supportOf(edgeClass: EdgeClass, context: SupportContext): Support {
  if (edgeClass.from.kind !== "segment") return clientSupport(edgeClass);
  const group = context.partition.groups[edgeClass.from.number];
  const replicas = group?.members.length ?? 1;
  const pairs = pairsOf(edgeClass.links);
  const runners =
    context.runners.get(`${edgeClass.from.number} ${edgeClass.fromSoftware}`)?.size ?? pairs.sources;
  const time = timeRatio(edgeClass.links, context);
  const isPassing =
    context.burstShare !== null && context.burstShare < BURST_SHARE_TELLING && isBurst(edgeClass.links);
  let odds = (PRIOR / (1 - PRIOR)) * time;
  const isLoner =
    runners === 1 &&
    edgeClass.fromSoftware !== -1 &&
    !context.isMain(edgeClass.from.number, edgeClass.fromSoftware);
  if (replicas >= 2 || isLoner) {
    // A program that only one host runs has no peers that could have shown the edge: its rhythm must speak for it.
    const peers = isLoner ? 1 : replicas;
    odds *=
      peers === 1
        ? 1 / lonerRatio(context.software[edgeClass.fromSoftware], context)
        : peerRatio(pairs, peers, context.serversOf(edgeClass), context, isPassing);
  }
  const confidence = odds / (1 + odds);
  const special = strangeTarget(edgeClass, context);
  if (special !== null) return { confidence: Math.min(confidence, 0.3), objection: special };
  return {
    confidence,
    objection: confidence >= context.confidenceMin ? null : replicas >= 2 ? "no-peer-support" : "one-off",
  };
}

/** A binary that no package vouches for and that one host alone has is what intruders bring; a script may be a job. */
function lonerRatio(software: SoftwareGroup | undefined, context: SupportContext): number {
  if (software?.trust !== "installed" || !context.hasEvidence) return LONER_RATIO;
  return software.identities.every((one) => one.script === null) ? LONER_BINARY_RATIO : LONER_RATIO;
}

/** One host's edge to another client, or a single touch of an address that nobody owns. */
function strangeTarget({ links, to }: EdgeClass, context: SupportContext): SetAsideReason | null {
  const [link] = links;
  if (link === undefined || links.length > 1) return null;
  const isLasting = link.days >= PERSISTENT_DAYS;
  if (
    to.kind === "segment" &&
    !isLasting &&
    context.sourcesOf(link) === 1 &&
    context.areAlike(link.src, link.dst)
  )
    return "client-to-client";
  const isStranger = to.kind === "cidr" && !isMetadataBlock(to.block);
  return isStranger && isThin(links) && context.thinShare < THIN_SHARE_TELLING ? "one-off" : null;
}

/** Hardly any connections, all of them close together. */
function isThin(links: readonly Link[]): boolean {
  const connections = links.reduce((sum, link) => sum + link.established, 0);
  const span = Math.max(...links.map((link) => link.lastMs)) - Math.min(...links.map((link) => link.firstMs));
  return connections <= THIN_CONNECTIONS_MAX && span <= THIN_SPAN_MS_MAX;
}

export function thinShareOf(classes: readonly EdgeClass[]): number {
  return classes.filter(({ links }) => isThin(links)).length / Math.max(1, classes.length);
}

/** Clients from outside are many or few; what they reach answered them, and the rule names exactly them. */
function clientSupport({ links }: EdgeClass): Support {
  const connections = links.reduce((sum, link) => sum + link.established, 0);
  const { sources } = pairsOf(links);
  const confidence = 1 - 0.5 ** (Math.min(connections, 6) + sources);
  return {
    confidence,
    objection:
      connections === 1 && sources === 1 && links.every((link) => link.dstSoftware === -1) ? "one-off" : null,
  };
}

/** P(this many of the role's hosts, and of its pairs | the role does it) / P(this many hosts | an intruder). */
function peerRatio(
  { sources, pairs, destinations }: Pairs,
  replicas: number,
  servers: number,
  context: SupportContext,
  isPassing: boolean,
): number {
  const reach = 1 - (1 - context.coverage) ** destinations;
  const hosts = likelihood(sources, replicas, reach);
  const attack = sources === 1 ? ATTACK_SINGLE_SOURCE : (1 - ATTACK_SINGLE_SOURCE) * 0.5 ** (sources - 1);
  const possible = replicas * Math.max(destinations, servers);
  if (sources === 1) return Math.min(hosts, likelihood(pairs, possible, context.coverage)) / attack;
  // Balancing may spread a role's calls thin, so several hosts are proof enough, unless all of it was one day's work.
  const isSparse = sources === 2 && pairs < (possible * context.coverage) / 2;
  if (!isPassing && !isSparse) return Math.max(SEVERAL_SOURCES_RATIO, hosts / attack);
  return Math.min(hosts, likelihood(pairs, possible, context.coverage)) / attack;
}

/** Binomial, given that anything was seen at all. */
function likelihood(seen: number, possible: number, share: number): number {
  const any = 1 - (1 - share) ** possible;
  return (binomial(possible, seen) * share ** seen * (1 - share) ** (possible - seen)) / any;
}

/** What a class's rhythm says, as the window's own well-supported classes teach it. */
function timeRatio(links: readonly Link[], { burstShare }: SupportContext): number {
  if (burstShare === null) return 1;
  return isBurst(links) ? burstShare / ATTACK_BURST_SHARE : LASTING_RATIO;
}

/** Seen on a single day, whatever the number of connections. */
function isBurst(links: readonly Link[]): boolean {
  return links.every((link) => link.days <= 1);
}

/** Share of bursts among the classes that several hosts vouch for; null where the window is too short to have a rhythm. */
export function burstShareOf(classes: readonly EdgeClass[], windowMs: number): number | null {
  if (windowMs < WINDOW_DAYS_MIN_FOR_TIME * DAY_MS) return null;
  let bursts = 0.5;
  let all = 1;
  for (const { links } of classes) {
    const { pairs, sources } = pairsOf(links);
    if (sources < 2 || pairs < 3) continue;
    all += 1;
    if (isBurst(links)) bursts += 1;
  }
  return Math.max(BURST_SHARE_MIN, bursts / all);
}

function binomial(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result *= (n - k + i) / i;
  return result;
}

/** Share of possible pairs seen, over the classes that are large enough to show it and supported by two hosts. */
export function estimateCoverage(classes: readonly EdgeClass[], partition: Partition): number {
  let seen = 0;
  let possible = 0;
  for (const { from, to, links } of classes) {
    if (from.kind !== "segment" || to.kind !== "segment") continue;
    const { pairs, sources } = pairsOf(links);
    const sizes = [from, to].map(({ number }) => partition.groups[number]?.members.length ?? 1);
    const all = (sizes[0] ?? 1) * (sizes[1] ?? 1);
    if (sources < 2 || all < 4) continue;
    seen += pairs;
    possible += all;
  }
  return possible === 0 ? COVERAGE_UNKNOWN : Math.min(0.98, Math.max(0.2, seen / possible));
}
