import type { Resource, Rule } from "@ringwall/model";
import { isEssentialExec } from "@ringwall/policy";
import type { Exec } from "../exec.ts";
import { rejectedWords, sentence } from "../report/set-aside.ts";
import type { LearnedRule, SetAside, SetAsideReason } from "../result.ts";
import type { Rejection } from "../review/rejection.ts";
import type { Remembered } from "../review/remembered.ts";
import type { Partition } from "../segment/partition.ts";
import { isSigned, type SoftwareGroup } from "../software/software-group.ts";
import { type Told, toldByPackage } from "./packages.ts";

/** Programs of so many of the segments that have records are one rule for all of them. */
const SHARED_SEGMENTS_MIN = 3;
const SHARED_SHARE_MIN = 0.8;
const SHARED_POLICY = "shared-programs";
/** Hosts of a segment, or days, that a general tool must be seen on to be its habit. */
const DUAL_USE_HOSTS_MIN = 2;
const DUAL_USE_DAYS_MIN = 2;
const RUN_CONFIDENCE = 0.9;

export type RunContext = {
  readonly software: readonly SoftwareGroup[];
  readonly softwareOf: (exec: Exec) => number;
  readonly partition: Partition;
  readonly segments: readonly string[];
  readonly remembered: Remembered;
  /** True where the policy as it stands lets it run: it needs no rule. */
  readonly isSettled?: (exec: Exec) => boolean;
};

export type RunRules = {
  readonly rules: readonly { readonly policy: string; readonly rule: Rule }[];
  readonly reported: readonly LearnedRule[];
  readonly setAside: readonly SetAside[];
  /** Ids of the software that the rules name, and documents of whole packages among it. */
  readonly software: readonly number[];
  readonly packages: readonly Resource[];
  /** Segments that a rule speaks for. */
  readonly governed: ReadonlySet<string>;
};

/** One program on the hosts of one segment. */
type Habit = { readonly segment: number; readonly software: number; readonly execs: Exec[] };

/**
 * What may run on the hosts of a segment: the programs that were started there, but for those that nobody vouches for.
 * Only for segments with exec records: a list made of network traffic alone would refuse everything else.
 */
export function runRules(execs: readonly Exec[], context: RunContext): RunRules {
  const accepted: Habit[] = [];
  const setAside: SetAside[] = [];
  const hosts = hostsWithRecords(execs, context.partition);
  for (const habit of habitsOf(execs, context)) {
    const open =
      context.isSettled === undefined ? habit.execs : habit.execs.filter((one) => !context.isSettled?.(one));
    if (open.length === 0) continue;
    const objection = objectionTo(habit, hosts.get(habit.segment) ?? 1, context);
    if (objection === null) accepted.push(habit);
    else setAside.push(findingOf(habit, objection, context));
  }
  const listed = grouped(accepted, hosts.size);
  const rules = listed.map(({ segments, habits }) => ruleOf(segments, habits, context));
  return {
    rules: rules.map(({ policy, rule }) => ({ policy, rule })),
    reported: rules.map(({ policy, rule }, index) =>
      reportOf(policy, rule, listed[index]?.habits ?? [], hosts),
    ),
    setAside: setAside.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
    software: [...new Set(rules.flatMap(({ told }) => told.single))],
    packages: [
      ...new Map(rules.flatMap(({ told }) => told.documents.map((one) => [one.metadata.name, one]))).values(),
    ],
    governed: new Set(accepted.map(({ segment }) => context.segments[segment] ?? "")),
  };
}

function hostsWithRecords(execs: readonly Exec[], { of }: Partition): ReadonlyMap<number, number> {
  const hosts = new Map<number, Set<string>>();
  for (const { workload } of execs) {
    const segment = of.get(workload);
    if (segment !== undefined) hosts.set(segment, (hosts.get(segment) ?? new Set<string>()).add(workload));
  }
  return new Map([...hosts].map(([segment, own]) => [segment, own.size]));
}

function habitsOf(execs: readonly Exec[], { partition, softwareOf }: RunContext): readonly Habit[] {
  const habits = new Map<string, Habit>();
  for (const exec of execs) {
    const segment = partition.of.get(exec.workload);
    const software = softwareOf(exec);
    if (segment === undefined || software === -1 || isEssentialExec(exec.process.exe)) continue;
    const key = `${segment} ${software}`;
    const habit = habits.get(key) ?? { segment, software, execs: [] };
    habits.set(key, habit);
    habit.execs.push(exec);
  }
  return [...habits.values()].sort((a, b) => a.segment - b.segment || a.software - b.software);
}

type Objection = { readonly reason: SetAsideReason; readonly rejection?: Rejection };

function objectionTo(
  { segment, software: id, execs }: Habit,
  recorded: number,
  { software, partition, remembered }: RunContext,
): Objection | null {
  const group = software[id];
  const [first] = group?.identities ?? [];
  if (group === undefined || first === undefined) throw new Error("bug: a program without an identity");
  const rejection = remembered.ofRun(partition.groups[segment]?.members ?? [], first);
  if (rejection !== null) return { reason: "rejected", rejection };
  if (group.suspect !== null) return { reason: "changed-content" };
  if (group.trust === "low") return { reason: "low-trust-software" };
  const hosts = new Set(execs.map(({ workload }) => workload)).size;
  const days = Math.max(...execs.map((exec) => exec.days));
  const isHabit = hosts >= DUAL_USE_HOSTS_MIN || days >= DUAL_USE_DAYS_MIN || isShell(first.exe);
  if (group.trust === "dual-use" && !isHabit) return { reason: "dual-use-software" };
  // A package brings it to all hosts alike, though it may have run on one only.
  return hosts === 1 && recorded > 1 && days < DUAL_USE_DAYS_MIN && !group.identities.every(isSigned)
    ? { reason: "no-peer-support" }
    : null;
}

type Listed = { readonly segments: readonly number[]; readonly habits: readonly Habit[] };

/** What nearly all segments run is told once; the rest segment by segment. */
function grouped(habits: readonly Habit[], segments: number): readonly Listed[] {
  const bySoftware = Map.groupBy(habits, ({ software }) => software);
  const enough = Math.max(SHARED_SEGMENTS_MIN, SHARED_SHARE_MIN * segments);
  const isShared = ({ software }: Habit): boolean => (bySoftware.get(software)?.length ?? 0) >= enough;
  const shared = habits.filter(isShared);
  const all = [...new Set(shared.map(({ segment }) => segment))].sort((a, b) => a - b);
  const own = Map.groupBy(
    habits.filter((habit) => !isShared(habit)),
    ({ segment }) => segment,
  );
  return [
    ...(shared.length === 0 ? [] : [{ segments: all, habits: shared }]),
    ...[...own].map(([segment, list]) => ({ segments: [segment], habits: list })),
  ];
}

function ruleOf(
  numbers: readonly number[],
  habits: readonly Habit[],
  { segments, software }: RunContext,
): { readonly policy: string; readonly rule: Rule; readonly told: Told } {
  const names = numbers.map((number) => segments[number] ?? "").sort();
  const ids = [...new Set(habits.map((habit) => habit.software))];
  const told = toldByPackage(ids.flatMap((id) => software[id] ?? []));
  const [only] = names;
  const isShared = names.length > 1 || only === undefined;
  const run = { segment: isShared ? names : only, software: [...told.names] };
  return isShared
    ? { policy: SHARED_POLICY, rule: { name: "what may run on all of these", run }, told }
    : { policy: only, rule: { name: `what may run on ${only}`, run }, told };
}

function reportOf(
  policy: string,
  rule: Rule,
  habits: readonly Habit[],
  hosts: ReadonlyMap<number, number>,
): LearnedRule {
  const execs = habits.flatMap((habit) => habit.execs);
  const programs = new Set(habits.map(({ software }) => software)).size;
  const recorded = [...new Set(habits.map(({ segment }) => segment))].reduce(
    (sum, segment) => sum + (hosts.get(segment) ?? 0),
    0,
  );
  const seen = new Set(
    habits.flatMap(({ software, execs: own }) => own.map(({ workload }) => `${software} ${workload}`)),
  );
  const times = execs.flatMap(({ firstMs, lastMs }) => [firstMs, lastMs]);
  return {
    policy,
    rule: rule.name,
    evidence: {
      edges: seen.size,
      firstSeen: new Date(Math.min(...times)).toISOString(),
      lastSeen: new Date(Math.max(...times)).toISOString(),
      days: execs.reduce((most, { days }) => Math.max(most, days), 0),
      connections: execs.reduce((sum, { count }) => sum + count, 0),
    },
    overPermission: Math.round((programs * recorded * 1000) / seen.size) / 1000,
    confidence: RUN_CONFIDENCE,
  };
}

function findingOf(
  { segment, software: id, execs }: Habit,
  { reason, rejection }: Objection,
  { software, segments }: RunContext,
): SetAside {
  const workloads = [...new Set(execs.map(({ workload }) => workload))].sort();
  const host = workloads.length === 1 ? (workloads[0] ?? "") : (segments[segment] ?? "");
  const name = software[id]?.name ?? "";
  return {
    edge: { src: host, srcSoftware: name, dst: host, dstSoftware: null, port: "run" },
    reason,
    words:
      rejection === undefined
        ? `started: ${sentence(reason, name, host, 1, 1, software[id]?.suspect ?? null)}`
        : rejectedWords(rejection),
    edges: workloads.length,
    connections: execs.reduce((sum, { count }) => sum + count, 0),
    suspicious: reason !== "rejected",
  };
}

function keyOf({ reason, edge }: SetAside): string {
  return [reason, edge.src, edge.srcSoftware].join("\t");
}

/** What every login, timer and package script goes through. */
function isShell(exe: string): boolean {
  return /\/(?:ba|da|z|k)?sh$/.test(exe);
}
