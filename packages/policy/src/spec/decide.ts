import {
  type Attempt,
  type EndVerdict,
  fail,
  type Outcome,
  ok,
  type Result,
  type Verdict,
} from "@ringwall/model";
import { allOf, type Truth } from "../lower/match-software.ts";
import type { DecideOptions } from "../policy-set/decide-options.ts";
import { cannotProve, type End, lookUpEnd } from "../policy-set/end.ts";
import { ESSENTIAL_NONE } from "../policy-set/essential.ts";
import { essentialRules, QUARANTINE } from "../policy-set/essential-rules.ts";
import { type Inventory, isManaged } from "../policy-set/inventory.ts";
import { modesOf, type WorkloadModes } from "../policy-set/modes.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { type NetworkRule, networkRules, speaksFor } from "../policy-set/rules.ts";
import { expiryMs, inWindow } from "../policy-set/time.ts";
import { unknownNames } from "../policy-set/unknown-names.ts";
import { type Factor, factor, placeFactors, portFactor, processFactors, type World } from "./factors.ts";

export type { DecideOptions };

type Level = EndVerdict["verification"];
/** An attempt as one end meets it; `level` is what that end has of its peer. */
type Case = World & {
  readonly attempt: Attempt;
  readonly options: DecideOptions;
  readonly src: End;
  readonly dst: End;
} & {
  readonly direction: "outbound" | "inbound";
  readonly level: Level;
};
type Judged = {
  readonly rule: NetworkRule;
  readonly truth: Truth;
  readonly factors: readonly Factor[];
  readonly unproved: readonly string[];
};

/** The reference evaluator: what the rules say of an attempt at each managed end, and what the modes make of it (2-policy). */
export function decide(
  set: PolicySet,
  inventory: Inventory,
  attempt: Attempt,
  options: DecideOptions = {},
): Result<Verdict> {
  const problems = unknownNames(set, inventory, attempt);
  if (problems.length > 0) return fail(problems);
  const src = lookUpEnd(inventory, attempt.src, attempt.dst);
  const dst = lookUpEnd(inventory, attempt.dst, attempt.src);
  const both = { set, inventory, attempt, options, src, dst };
  const outbound = judge({ ...both, direction: "outbound", level: levelOf(both, src, dst) });
  const inbound = judge({ ...both, direction: "inbound", level: levelOf(both, dst, src) });
  const outcomes = [outbound?.outcome, inbound?.outcome];
  const outcome = (["blocked", "would-block"] as const).find((one) => outcomes.includes(one)) ?? "allowed";
  return ok({ line: options.line ?? 1, outcome, outbound, inbound });
}

/** One end. First match wins: essential, deny, allow, default deny; null where nobody judges. */
function judge(one: Case): EndVerdict | null {
  const { workload } = one.direction === "outbound" ? one.src : one.dst;
  if (workload === null || !isManaged(workload)) return null;
  const quarantined = one.options.quarantined?.has(workload.metadata.name) ?? false;
  const judged = (rules: readonly NetworkRule[]) =>
    rules.filter((rule) => speaksFor(rule, one.direction)).map((rule) => judgeRule(one, rule));
  const essential = judged(essentialRules(one.options.essential ?? ESSENTIAL_NONE, quarantined));
  const rules = judged([...(quarantined ? [QUARANTINE] : []), ...networkRules(one.set)]);
  const denies = rules.filter(({ rule, truth }) => rule.action === "deny" && truth !== false);
  const allows = rules.filter(({ rule }) => rule.action === "allow");
  const hit =
    essential.find(({ truth }) => truth === true) ??
    denies.find(({ rule }) => rule.immediate) ??
    denies[0] ??
    allows.find(({ truth }) => truth === true);
  return verdictOf(one, modesOf(one.set, workload), hit, allows);
}

/** The mode's part: what the deciding rule, or none, comes to. */
function verdictOf(
  one: Case,
  modes: WorkloadModes,
  hit: Judged | undefined,
  allows: readonly Judged[],
): EndVerdict {
  const mode = modes[one.direction];
  const unproved = hit?.rule.action === "allow" ? [...new Set(hit.unproved)] : [];
  const same = { mode, verification: one.level, unproved };
  if (hit?.rule.action === "allow")
    return { decision: "allow", outcome: "allowed", rule: hit.rule.name, ...same };
  // A direction that no segment governs has no default deny; an explicit deny is still named.
  if (hit === undefined && mode === null)
    return { decision: "allow", outcome: "allowed", rule: "ungoverned", ...same };
  const loopback = one.src.workload === one.dst.workload && modes.loopback === "record";
  const refused: Outcome = loopback ? "would-block" : "blocked";
  const recorded: Outcome = mode === null ? "allowed" : "would-block";
  const outcome = hit?.rule.immediate === true || mode === "block" ? refused : recorded;
  const denied: EndVerdict = { decision: "deny", outcome, rule: hit?.rule.name ?? "default", ...same };
  const nearest = hit === undefined ? nearestOf(allows) : undefined;
  return nearest === undefined ? denied : { ...denied, nearest };
}

/** All factors of a rule: an allow needs every one known and true, a deny takes as true what is not known. */
function judgeRule(one: Case, rule: NetworkRule): Judged {
  const { attempt, src, dst, options, level } = one;
  const source = processOf(one, rule, "source");
  const destination = processOf(one, rule, "destination");
  const factors = [
    portFactor(rule.ports, attempt, dst),
    ...placeFactors(one, "destination", rule.to, dst),
    ...placeFactors(one, "source", rule.from, src),
    ...destination.factors,
    ...source.factors,
  ];
  const timeMs = attempt.time === undefined ? undefined : Date.parse(attempt.time);
  const atMs = timeMs ?? options.nowMs;
  if (rule.when !== undefined) {
    const truth = timeMs === undefined ? null : inWindow(rule.when, timeMs);
    factors.push(factor("time", truth, attempt.time ?? "not known", rule.when));
  }
  if (rule.expires !== undefined) {
    const truth = atMs === undefined ? null : atMs < expiryMs(rule.expires);
    factors.push(factor("time", truth, attempt.time ?? "now", `until ${rule.expires}`));
  }
  if (rule.verifiedRequired) factors.push(factor("verification", level === "in-band", level, "in-band"));
  const truth = allOf(factors.map((f) => f.truth));
  return { rule, truth, factors, unproved: [...source.unproved, ...destination.unproved] };
}

/** Who knows what: the process factors of one side as the judging end knows them; what passes without proof is `unproved`. */
function processOf(one: Case, rule: NetworkRule, side: "source" | "destination") {
  const { direction, attempt, src, dst, options, level } = one;
  const [end, endpoint] = side === "source" ? [src, rule.from] : [dst, rule.to];
  const factors: readonly Factor[] = processFactors(one, side, endpoint, end);
  const passed = {
    factors: factors.map((f) => ({ ...f, truth: rule.action === "allow" ? true : null })),
    unproved: factors.map((f) => f.what),
  };
  if (side === (direction === "outbound" ? "source" : "destination")) return { factors, unproved: [] };
  if (cannotProve(end)) return passed;
  // At connect time the destination's software is not known yet: provisional until the SYN-ACK's proof.
  const nothingSaid = end.flow.software == null && end.flow.exe == null;
  if (direction === "outbound" && nothingSaid && attempt.state === undefined) return passed;
  if (level === "in-band") return { factors, unproved: [] };
  if (stripped(options, src, dst)) return passed;
  return { factors: factors.map((f) => ({ ...f, truth: null })), unproved: [] };
}

function stripped({ pathStripped }: DecideOptions, src: End, dst: End): boolean {
  if (src.workload === null || dst.workload === null || pathStripped === undefined) return false;
  return pathStripped(src.workload.metadata.name, dst.workload.metadata.name);
}

/** What the judging end has of its peer. An attempt that does not say meets what the fleet gives: proof between managed ends over TCP. */
function levelOf(
  { attempt, options, src, dst }: Omit<Case, "level" | "direction">,
  own: End,
  peer: End,
): Level {
  if (peer.workload === null || peer.foreign) return "none";
  const managed = isManaged(peer.workload) && own.workload !== null && isManaged(own.workload);
  const said = attempt.verification ?? (stripped(options, src, dst) ? "address" : "in-band");
  const provable = managed && (attempt.proto === "tcp" || attempt.verification !== undefined);
  return said === "in-band" && !(provable && attempt.proto !== "icmp") ? "address" : said;
}

/** The allow that fails in the fewest factors, and the first of them in words. */
function nearestOf(allows: readonly Judged[]): EndVerdict["nearest"] {
  const missing = ({ factors }: Judged) => factors.filter((f) => f.truth !== true).length;
  const fewest = Math.min(...allows.map(missing));
  const nearest = allows.find((allow) => missing(allow) === fewest);
  const differs = nearest?.factors.find((f) => f.truth !== true)?.differs;
  return nearest === undefined || differs === undefined ? undefined : { rule: nearest.rule.name, differs };
}
