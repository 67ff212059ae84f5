import {
  type Attempt,
  type EndVerdict,
  isLoopback,
  type Outcome,
  ok,
  parseAddress,
  type Result,
  type Segment,
  type Verdict,
} from "@ringwall/model";
import { createSegmentsOf } from "../compile/segments-of.ts";
import { ESSENTIAL_NONE } from "../policy-set/essential.ts";
import { type Inventory, isManaged, ownAddresses } from "../policy-set/inventory.ts";
import { listOf } from "../policy-set/labels.ts";
import { combineModes, type WorkloadModes } from "../policy-set/modes.ts";
import { isNamed } from "../policy-set/patterns.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { expiryMs, inWindow } from "../policy-set/time.ts";
import { type DecideOptions, decide } from "../spec/decide.ts";
import type { Bits } from "./bits.ts";
import { firstOf, wordsOf } from "./bits.ts";
import { createPlaceIndex } from "./place-index.ts";
import { createProcessIndex } from "./process-index.ts";
import { createRuleIndex, type IndexedRule } from "./rule-index.ts";

/** Judges many attempts against one policy. */
export type Decider = {
  /** The same answer as the reference evaluator's. `src` and `dst` are the ends' places, where the caller has them already. */
  readonly decide: (
    attempt: Attempt,
    line?: number,
    src?: Place | null,
    dst?: Place | null,
  ) => Result<Verdict>;
  /** For a caller that meets an end many times and keeps its place, which is not remembered here. */
  readonly placeOf: (end: Attempt["src"]) => Place | null;
};
export type DeciderOptions = DecideOptions & {
  /** Whether a default deny names the nearest rule, which costs a look at every rule. Default: true. */
  readonly nearest?: boolean;
};

/** An end that the index can answer for: one workload, or an address of nobody. */
export type Place = {
  /** Into the inventory; null = nobody's. */
  readonly index: number | null;
  readonly managed: boolean;
  readonly foreign: boolean;
  readonly source: Bits;
  readonly destination: Bits;
  /** Words of the two sets that are not zero. */
  readonly sourceWords: Int32Array;
  readonly destinationWords: Int32Array;
};
type Level = EndVerdict["verification"];
type Truth = boolean | null;
/** Distinct addresses whose rules are remembered at a time. */
const PLACES_MAX = 100_000;
const UNKNOWN_TIME = -1;

/**
 * Rules indexed by the places of both ends, direction and port, as sets of bits; what is left (process, time, named
 * port, proof) is asked of the few rules in all four sets. Rare shapes of attempts go to the reference evaluator.
 */
export function createDecider(set: PolicySet, inventory: Inventory, options: DeciderOptions = {}): Decider {
  const index = createRuleIndex(set, options.essential ?? ESSENTIAL_NONE);
  const places = createPlaces(set, inventory, index.rules);
  const processTruth = createProcessIndex(set, inventory);
  const modesAt = createModes(set, inventory);
  const software = new Set(set.software.map((one) => one.metadata.name));
  const isKnown = (name: string | null | undefined) => name == null || software.has(name);

  const judge = (
    attempt: Attempt,
    direction: "outbound" | "inbound",
    src: Place,
    dst: Place,
  ): EndVerdict | null => {
    const [own, peer] = direction === "outbound" ? [src, dst] : [dst, src];
    if (own.index === null || !own.managed) return null;
    const level = levelOf(attempt, own, peer, strippedPath(options, inventory, src, dst));
    const asked = { attempt, direction, src, dst, level, inventory, options, processTruth };
    const port = (attempt.proto === "icmp" ? attempt.icmpType : attempt.port) as number; // decided by the caller
    const accept = (i: number): boolean => {
      const rule = index.rules[i] as IndexedRule; // bits are made of rules
      return rule.plain || holds(rule, asked);
    };
    const speaks = index.speaks[direction];
    const atPort = index.atPort(attempt.proto, port);
    const hit =
      src.sourceWords.length <= dst.destinationWords.length
        ? firstOf(src.sourceWords, src.source, dst.destination, speaks, atPort, accept)
        : firstOf(dst.destinationWords, dst.destination, src.source, speaks, atPort, accept);
    return verdictOf(index.rules[hit], asked, modesAt(own.index), src.index === dst.index);
  };

  return {
    placeOf: places.fresh,
    decide: (attempt, line = 1, knownSrc, knownDst) => {
      const slowly = (): Result<Verdict> => decide(set, inventory, attempt, { ...options, line });
      const port = attempt.proto === "icmp" ? attempt.icmpType : attempt.port;
      const named = isKnown(attempt.src.software) && isKnown(attempt.dst.software);
      if (port === undefined || !named || (options.quarantined?.size ?? 0) > 0) return slowly();
      const src = knownSrc === undefined ? places.remembered(attempt.src) : knownSrc;
      const dst = src === null ? null : knownDst === undefined ? places.remembered(attempt.dst) : knownDst;
      if (src === null || dst === null) return slowly();
      const outbound = judge(attempt, "outbound", src, dst);
      const inbound = judge(attempt, "inbound", src, dst);
      if (options.nearest !== false && (outbound?.rule === "default" || inbound?.rule === "default"))
        return slowly();
      const outcome = worse(outbound?.outcome ?? "allowed", inbound?.outcome ?? "allowed");
      return ok({ line, outcome, outbound, inbound });
    },
  };
}

/** Modes by index into the inventory; combined once for each set of segments. */
function createModes(set: PolicySet, inventory: Inventory): (at: number) => WorkloadModes {
  const segmentsOf = createSegmentsOf(set.segments);
  const bySegments = new Map<readonly Segment[], WorkloadModes>();
  const modes: WorkloadModes[] = [];
  return (at) => {
    const known = modes[at];
    if (known !== undefined) return known;
    const workload = inventory.workloads[at];
    if (workload === undefined) throw new Error("bug: no such workload");
    const segments = segmentsOf(workload);
    const combined = bySegments.get(segments) ?? combineModes(segments);
    bySegments.set(segments, combined);
    modes[at] = combined;
    return combined;
  };
}

function worse(a: Outcome, b: Outcome): Outcome {
  if (a === "blocked" || b === "blocked") return "blocked";
  return a === "allowed" ? b : a;
}

/** The place of an end; null where it takes more thought: shared, loopback or missing addresses, unknown names. */
function createPlaces(set: PolicySet, inventory: Inventory, rules: readonly IndexedRule[]) {
  const index = createPlaceIndex(set, inventory, rules);
  const positions = new Map(inventory.workloads.map((one, i) => [one.metadata.name, i]));
  const words = memoisedWords();
  const own = inventory.workloads.map((workload, i): Place => {
    const source = index.ofWorkload("source", i);
    const destination = index.ofWorkload("destination", i);
    const rules = { source, destination, sourceWords: words(source), destinationWords: words(destination) };
    return { index: i, managed: isManaged(workload), foreign: false, ...rules };
  });
  const only = inventory.workloads.map((workload) => {
    const addresses = workload.spec.addresses;
    return addresses.length === 1 && ownAddresses(workload).length === 1 ? addresses[0] : undefined;
  });
  const find = (
    { workload, ip }: Attempt["src"],
    atAddress: (at: number | undefined, ip: string) => Place | null,
  ): Place | null => {
    const at = workload == null ? undefined : positions.get(workload);
    if (workload != null && at === undefined) return null;
    if (at !== undefined && (ip == null || ip === only[at])) return own[at] ?? null;
    return ip == null ? null : atAddress(at, ip);
  };
  const fresh = (at: number | undefined, ip: string) => placeAt(inventory, index, positions, words, at, ip);
  let known = new Map<string, Place | null>();
  const remembered = (at: number | undefined, ip: string): Place | null => {
    const key = at === undefined ? ip : `${at} ${ip}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= PLACES_MAX) known = new Map();
    const place = fresh(at, ip);
    known.set(key, place);
    return place;
  };
  return {
    remembered: (end: Attempt["src"]) => find(end, remembered),
    fresh: (end: Attempt["src"]) => find(end, fresh),
  };
}

function placeAt(
  inventory: Inventory,
  index: ReturnType<typeof createPlaceIndex>,
  positions: ReadonlyMap<string, number>,
  words: (bits: Bits) => Int32Array,
  named: number | undefined,
  ip: string,
): Place | null {
  const address = parseAddress(ip);
  if (address === null || isLoopback(address)) return null;
  const owners = inventory.byAddress.get(address) ?? [];
  if (named === undefined && owners.length > 1) return null;
  const at = named ?? (owners[0] === undefined ? null : (positions.get(owners[0].metadata.name) ?? null));
  const workload = at === null ? undefined : inventory.workloads[at];
  const source = index.ofAddress("source", at, address);
  const destination = index.ofAddress("destination", at, address);
  return {
    index: at,
    managed: workload !== undefined && isManaged(workload),
    foreign: workload !== undefined && !ownAddresses(workload).includes(address),
    source,
    destination,
    sourceWords: words(source),
    destinationWords: words(destination),
  };
}

/** Alike workloads share one set, and so one list of its words. */
function memoisedWords(): (bits: Bits) => Int32Array {
  const known = new Map<Bits, Int32Array>();
  return (bits) => {
    const found = known.get(bits) ?? wordsOf(bits);
    known.set(bits, found);
    return found;
  };
}

type Asked = {
  readonly attempt: Attempt;
  readonly direction: "outbound" | "inbound";
  readonly src: Place;
  readonly dst: Place;
  readonly level: Level;
  readonly inventory: Inventory;
  readonly options: DecideOptions;
  readonly processTruth: (endpoint: IndexedRule["to"], flow: Attempt["src"]) => Truth;
};

/** What the sets of bits leave open. */
function holds(rule: IndexedRule, asked: Asked): boolean {
  const wanted = (truth: Truth): boolean => (rule.action === "allow" ? truth === true : truth !== false);
  const { attempt, level } = asked;
  if (rule.named.length > 0 && !portHolds(rule, asked)) return false;
  if (rule.to.fqdn !== undefined) {
    const truths = listOf(rule.to.fqdn).map((pattern) => isNamed(pattern, attempt.dst.fqdn));
    if (!wanted(truths.includes(true) ? true : truths.includes(null) ? null : false)) return false;
  }
  if (rule.hasProcess.destination && !wanted(processOf(rule, "destination", asked))) return false;
  if (rule.hasProcess.source && !wanted(processOf(rule, "source", asked))) return false;
  if (rule.verifiedRequired && level !== "in-band") return false;
  const timeMs = attempt.time === undefined ? UNKNOWN_TIME : Date.parse(attempt.time);
  if (rule.when !== undefined && !wanted(timeMs === UNKNOWN_TIME ? null : inWindow(rule.when, timeMs)))
    return false;
  if (rule.expires === undefined) return true;
  const atMs = timeMs === UNKNOWN_TIME ? asked.options.nowMs : timeMs;
  return atMs !== undefined && atMs < expiryMs(rule.expires);
}

function portHolds(rule: IndexedRule, { attempt, dst, inventory }: Asked): boolean {
  const { proto } = attempt;
  const port = proto === "icmp" ? attempt.icmpType : attempt.port;
  const own = dst.index === null ? undefined : inventory.workloads[dst.index]?.spec.ports;
  const serves = (spec: IndexedRule["named"][number]) =>
    spec.proto === proto && own?.some((o) => o.name === spec.name && o.proto === proto && o.port === port);
  if (rule.named.some(serves)) return true;
  const numbers = (rule.ports ?? []).filter(
    (text) => text.startsWith(proto) && !/[a-z]/.test(text.slice(proto.length)),
  );
  return numbers.some((text) => {
    const [from, to = from] = text.slice(proto.length + 1).split("-");
    return text === proto || (port !== undefined && port >= Number(from) && port <= Number(to));
  });
}

/** Who knows what: the same as the evaluator's `processOf`, with the verdict of a side as one truth. */
function processOf(rule: IndexedRule, side: "source" | "destination", asked: Asked): Truth {
  const { attempt, processTruth } = asked;
  const [endpoint, flow] = side === "source" ? [rule.from, attempt.src] : [rule.to, attempt.dst];
  switch (knowledgeOf(side, asked)) {
    case "known":
      return processTruth(endpoint, flow);
    case "passed":
      return rule.action === "allow" ? true : null;
    case "unknown":
      return null;
  }
}

function knowledgeOf(side: "source" | "destination", asked: Asked): "known" | "passed" | "unknown" {
  const { attempt, direction, src, dst, level, options, inventory } = asked;
  if (side === (direction === "outbound" ? "source" : "destination")) return "known";
  const [end, flow] = side === "source" ? [src, attempt.src] : [dst, attempt.dst];
  if (end.index === null || !end.managed) return "passed";
  const nothingSaid = flow.software == null && flow.exe == null;
  if (direction === "outbound" && nothingSaid && attempt.state === undefined) return "passed";
  if (level === "in-band") return "known";
  return strippedPath(options, inventory, src, dst) ? "passed" : "unknown";
}

function strippedPath(
  { pathStripped }: DecideOptions,
  inventory: Inventory,
  src: Place,
  dst: Place,
): boolean {
  if (pathStripped === undefined || src.index === null || dst.index === null) return false;
  const nameOf = (at: number) => inventory.workloads[at]?.metadata.name ?? "";
  return pathStripped(nameOf(src.index), nameOf(dst.index));
}

function levelOf(attempt: Attempt, own: Place, peer: Place, stripped: boolean): Level {
  if (peer.index === null || peer.foreign) return "none";
  const said = attempt.verification ?? (stripped ? "address" : "in-band");
  const provable =
    own.managed && peer.managed && (attempt.proto === "tcp" || attempt.verification !== undefined);
  return said === "in-band" && !(provable && attempt.proto !== "icmp") ? "address" : said;
}

function verdictOf(
  rule: IndexedRule | undefined,
  asked: Asked,
  modes: WorkloadModes,
  loopback: boolean,
): EndVerdict {
  const { direction, level } = asked;
  const mode = modes[direction];
  const same = { mode, verification: level };
  if (rule?.action === "allow") {
    const unproved = (["source", "destination"] as const).flatMap((side) =>
      rule.hasProcess[side] && knowledgeOf(side, asked) === "passed" ? rule.unprovedOf[side] : [],
    );
    return { decision: "allow", outcome: "allowed", rule: rule.name, ...same, unproved };
  }
  if (rule === undefined && mode === null)
    return { decision: "allow", outcome: "allowed", rule: "ungoverned", ...same, unproved: [] };
  const refused = loopback && modes.loopback === "record" ? "would-block" : "blocked";
  const recorded = mode === null ? "allowed" : "would-block";
  const outcome = rule?.immediate === true || mode === "block" ? refused : recorded;
  return { decision: "deny", outcome, rule: rule?.name ?? "default", ...same, unproved: [] };
}
