import {
  fail,
  formatPrefix,
  intersectRanges,
  ok,
  type Problem,
  type Result,
  type Workload,
} from "@ringwall/model";
import {
  type AddressSet,
  HOST_RULES_MAX,
  type HostPolicy,
  type HostRule,
  KERNEL_ENTRIES_MAX,
  KERNEL_PEERS_MAX,
} from "../lower/host-policy.ts";
import { lowerHost } from "../lower/lower-host.ts";
import type { EssentialConfig } from "../policy-set/essential.ts";
import { essentialRules, QUARANTINE } from "../policy-set/essential-rules.ts";
import { type Inventory, isManaged, ownAddresses } from "../policy-set/inventory.ts";
import { listOf } from "../policy-set/labels.ts";
import { modesOf } from "../policy-set/modes.ts";
import { nearestName } from "../policy-set/nearest-name.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { type NetworkRule, networkRules, speaksFor } from "../policy-set/rules.ts";
import { runRulesOf } from "../policy-set/run-rules.ts";
import { type Ranges, subtractRanges } from "./address-book.ts";
import { holdsNow, mayHoldAgain } from "./holds-now.ts";
import { createManagedAddresses } from "./managed-addresses.ts";
import { addressSetOf, type Fleet, fleetOf, ownPlace, peerRanges, withLoopback } from "./peer-set.ts";
import { rulePorts } from "./ports.ts";
import { processFactorNames, processSelectors } from "./process-selector.ts";
import { createTables, type HostTables } from "./tables.ts";

export type CompileOptions = {
  readonly revision: number;
  readonly essential: EssentialConfig;
  /** "unavailable": this host reads no proofs, so peers are known at level `address`; `verified: required` is refused. */
  readonly proof: "available" | "unavailable";
  /** Milliseconds since 1970 at which windows and expiries are judged; compile again at `nextTimeChangeMs`. */
  readonly nowMs: number;
  readonly quarantined?: ReadonlySet<string>;
};
type Direction = "outbound" | "inbound";
type Host = Fleet & {
  readonly workload: Workload;
  readonly options: CompileOptions;
  readonly tables: HostTables;
};

/** Compiles one host's policy. For many hosts of one revision `createHostCompiler` shares what they have in common. */
export function compileHost(
  set: PolicySet,
  inventory: Inventory,
  workload: string,
  options: CompileOptions,
): Result<HostPolicy> {
  return createHostCompiler(set, inventory, options)(workload);
}

/** A compiler for the hosts of one revision. Fails by name: unknown or unmanaged workload, `verified: required` without proof, limits. */
export function createHostCompiler(
  set: PolicySet,
  inventory: Inventory,
  options: CompileOptions,
): (workload: string) => Result<HostPolicy> {
  const fleet: Fleet = fleetOf(set, inventory);
  const rules = networkRules(set);
  const managedAddresses = createManagedAddresses(inventory);
  return (name) => {
    const workload = inventory.byName.get(name);
    if (workload === undefined || !isManaged(workload)) return fail([notAHost(inventory, name)]);
    const host: Host = { ...fleet, workload, options, tables: createTables(set) };
    const quarantined = options.quarantined?.has(name) ?? false;
    const essential = essentialRules(options.essential, quarantined);
    const problems: Problem[] = [];
    for (const rule of essential) addRule(host, rule, "essential", problems);
    for (const rule of quarantined ? [QUARANTINE] : rules) addRule(host, rule, "rule", problems);
    if (quarantined) for (const rule of rules) addServe(host, rule);
    const policy = assemble(host, managedAddresses(workload));
    problems.push(...limitProblems(policy));
    return problems.length > 0 ? fail(problems) : ok(policy);
  };
}

function assemble(host: Host, managedAddresses: string[]): HostPolicy {
  const { set, inventory, workload, options, tables } = host;
  const modes = modesOf(set, workload);
  // Of an address with several owners nobody can say that it is this host's own.
  const alone = ownAddresses(workload).filter((one) => inventory.byAddress.get(one)?.length === 1);
  const own = new Set(prefixTexts(alone));
  const run = runRulesOf(set, workload).map(({ name, software }) => ({
    name,
    software: tables.softwareNames(software),
  }));
  return {
    format: 1,
    workload: workload.metadata.name,
    revision: options.revision,
    modes: { inbound: modes.inbound, outbound: modes.outbound, processes: modes.processes },
    fail: modes.fail,
    loopback: modes.loopback,
    established: modes.established,
    requires: modes.requires,
    selfAddresses: [...own].sort(),
    managedAddresses,
    run,
    ...tables.contents(),
  };
}

function prefixTexts(addresses: readonly bigint[]): string[] {
  return addresses.map((address) => formatPrefix({ address, bits: 128 }));
}

/** Adds what a rule means on this host: nothing, or host rules for one or both directions. */
function addRule(
  host: Host,
  rule: NetworkRule,
  precedence: HostRule["precedence"],
  problems: Problem[],
): void {
  if (!holdsNow(rule, host.options.nowMs)) {
    addServe(host, rule);
    return;
  }
  for (const direction of ["outbound", "inbound"] as const) {
    if (!speaksFor(rule, direction)) continue;
    const own = ownPlace(host, direction === "outbound" ? rule.from : rule.to, host.workload);
    if (rule.action === "allow" ? own !== true : own === false) continue;
    if (rule.verifiedRequired && host.options.proof === "unavailable")
      problems.push(needsProof(host.set, rule));
    else addDirection(host, rule, precedence, direction);
  }
}

/** Whoever an allow lets in at another time, or in quarantine not, may wait all the same. */
function addServe(host: Host, rule: NetworkRule): void {
  const { set, workload, tables, options } = host;
  if (!mayHoldAgain(rule, options.nowMs) || !speaksFor(rule, "inbound")) return;
  if (ownPlace(host, rule.to, workload) !== true) return;
  const ports = rulePorts(rule.ports, [workload]);
  const all = ports === null ? null : [...ports.ranges, ...ports.named.map(({ port }) => port)];
  if (all?.length === 0) return;
  for (const selector of processSelectors(set, rule.to, "allow")) tables.addServe(selector, all);
}

function addDirection(
  host: Host,
  rule: NetworkRule,
  precedence: HostRule["precedence"],
  direction: Direction,
): void {
  const { set, inventory, book, workload, tables } = host;
  const [ownEndpoint, peerEndpoint] = direction === "outbound" ? [rule.from, rule.to] : [rule.to, rule.from];
  const selectors = processSelectors(set, ownEndpoint, rule.action);
  const unproved = processFactorNames(peerEndpoint, direction === "outbound" ? "destination" : "source");
  // Which addresses a name has, only the host can know; a deny can't be told and holds for all of them.
  const { fqdn, ...peerPlace } = peerEndpoint as typeof rule.to;
  const names = fqdn === undefined || rule.action === "deny" ? undefined : listOf(fqdn);
  const place = peerRanges(host, peerPlace, rule.action, workload);
  // Of an address with several owners nobody could prove a process, so an allow that names one is not for it.
  const everything = [{ first: 0n, last: (1n << 128n) - 1n }];
  const guarded =
    direction === "inbound" && rule.action === "allow" && unproved.length > 0 && book.shared.length > 0;
  const peer = guarded ? subtractRanges(place ?? everything, book.shared) : place;
  if (peer !== null && peer.length === 0) {
    if (direction === "inbound" && rule.action === "allow") addServe(host, rule);
    return;
  }
  const ports = rulePorts(rule.ports, direction === "outbound" ? inventory.workloads : [workload]);
  const asksPeer = unproved.length > 0 && host.options.proof === "available";
  const remote = asksPeer
    ? processSelectors(set, peerEndpoint, rule.action).map((one) => tables.remoteIndex(one))
    : undefined;
  const base = {
    name: rule.name,
    direction,
    action: rule.action,
    precedence,
    immediate: rule.immediate,
    unproved: rule.action === "allow" ? unproved : [],
    ...(remote === undefined ? {} : { remote }),
    ...(rule.verifiedRequired ? ({ verifiedRequired: true } as const) : {}),
  };
  for (const selector of selectors) {
    const add = (where: typeof peer, what: HostRule["ports"]) =>
      tables.addRule(base, selector, namedSet(where, names), what);
    if (ports === null) add(peer, null);
    else if (direction === "inbound") {
      const all = [...ports.ranges, ...ports.named.map(({ port }) => port)];
      if (all.length > 0) add(peer, all);
    } else {
      if (ports.ranges.length > 0) add(peer, ports.ranges);
      for (const { port, servers } of ports.named) {
        const serving = withLoopback(book.ofWorkloads(servers, rule.action), servers, workload);
        const where = peer === null ? serving : intersectRanges(peer, serving);
        if (where.length > 0) add(where, [port]);
      }
    }
  }
}

/** The set of a place, of which only what has one of the names where there are names; null = every address. */
function namedSet(where: Ranges | null, names: readonly string[] | undefined): AddressSet | null {
  if (names === undefined) return where === null ? null : addressSetOf(where);
  const set = where === null ? { include: ["0.0.0.0/0", "::/0"], exclude: [] } : addressSetOf(where);
  return { ...set, fqdn: [...names] };
}

function limitProblems(policy: HostPolicy): readonly Problem[] {
  const problems: Problem[] = [];
  const prefixes = policy.addressSets.reduce((sum, one) => sum + one.include.length + one.exclude.length, 0);
  const over = (what: string, has: number, limit: string, most: number): Problem => ({
    code: "limit",
    severity: "error",
    message: `the policy of \`${policy.workload}\` needs ${has} ${what}; ${limit} is ${most}`,
    fix: "write fewer or wider rules for this workload",
  });
  if (policy.rules.length > HOST_RULES_MAX)
    problems.push(over("rules", policy.rules.length, "HOST_RULES_MAX", HOST_RULES_MAX));
  const distinct = prefixes > KERNEL_PEERS_MAX ? distinctPrefixes(policy) : prefixes;
  if (distinct > KERNEL_PEERS_MAX)
    problems.push(over("address prefixes", distinct, "KERNEL_PEERS_MAX", KERNEL_PEERS_MAX));
  // Lowering is what tells; a policy this small can't come near the limit.
  if (policy.rules.length * policy.addressSets.length > KERNEL_ENTRIES_MAX / ENTRIES_PER_PAIR_MAX) {
    const entries = lowerHost(policy).entries.length;
    if (entries > KERNEL_ENTRIES_MAX)
      problems.push(over("kernel entries", entries, "KERNEL_ENTRIES_MAX", KERNEL_ENTRIES_MAX));
  }
  return problems;
}

/** Blocks that one rule's ports may need under one peer: a range splits into at most 30, in three subjects. */
const ENTRIES_PER_PAIR_MAX = 90;

function distinctPrefixes(policy: HostPolicy): number {
  return new Set(policy.addressSets.flatMap(({ include, exclude }) => [...include, ...exclude])).size;
}

function needsProof(set: PolicySet, rule: NetworkRule): Problem {
  const policy = set.policies.find((one) => rule.name.startsWith(`${one.metadata.name}/`));
  const place = policy === undefined ? undefined : set.locate(policy, ["spec", "rules"]);
  return {
    code: "proof-unavailable",
    severity: "error",
    message: `the rule \`${rule.name}\` asks for \`verified: required\`, and the host reads no proofs of its peers`,
    fix: "leave `verified` out, so that the rule holds at level `address`",
    ...(place === undefined ? {} : { place }),
  };
}

function notAHost(inventory: Inventory, name: string): Problem {
  const nearest = nearestName(name, inventory.byName.keys());
  const managed = inventory.byName.has(name) ? "carries no agent" : "is not in the inventory";
  return {
    code: "unknown-workload",
    severity: "error",
    message: `\`${name}\` ${managed}, so there is no policy to compile for it`,
    fix: nearest === undefined || nearest === name ? "enrol its agent" : `did you mean \`${nearest}\`?`,
  };
}
