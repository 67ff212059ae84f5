import { parsePortSpec, type Workload } from "@ringwall/model";
import { type Inventory, ownAddresses } from "../policy-set/inventory.ts";
import { listOf, selectsWorkload } from "../policy-set/labels.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { type NetworkRule, networkRules, speaksFor } from "../policy-set/rules.ts";
import { holdsNow, mayHoldAgain } from "./holds-now.ts";

/** What host policies of one revision were compiled from. */
export type CompiledFrom = { readonly set: PolicySet; readonly inventory: Inventory; readonly nowMs: number };
type Endpoint = NetworkRule["to"];
/** A workload before and after; undefined where there was, or is, none. */
type Changed = {
  readonly name: string;
  readonly before: Workload | undefined;
  readonly after: Workload | undefined;
  readonly addresses: boolean;
};

/**
 * The hosts to which a change of the inventory, or of the time, can mean anything; null = all of them. INVARIANT: whoever is
 * left out would be compiled to the same policy again. Both arguments are of one revision and one essential configuration.
 */
export function changedHosts(from: CompiledFrom, to: CompiledFrom): ReadonlySet<string> | null {
  const rules = networkRules(to.set);
  const means = (rule: NetworkRule, nowMs: number) => `${holdsNow(rule, nowMs)} ${mayHoldAgain(rule, nowMs)}`;
  if (rules.some((rule) => means(rule, from.nowMs) !== means(rule, to.nowMs))) return null;
  const changed = changedWorkloads(from.inventory, to.inventory);
  // Every host policy lists the addresses that others own, and what is left is nobody's.
  if (changed.some((one) => one.addresses)) return null;
  // A name that comes or goes makes references to it resolve or not, for every host.
  const comesOrGoes = changed.filter(({ before, after }) => before === undefined || after === undefined);
  if (comesOrGoes.some(({ name }) => rules.some((rule) => names(rule.from, name) || names(rule.to, name))))
    return null;
  const affected = new Set(changed.map(({ name }) => name));
  for (const rule of rules) {
    const served = changed.some((one) => servesNamed(rule, one));
    const outbound = served || changed.some((one) => joinsOrLeaves(to.set, rule.to, one));
    const inbound = changed.some((one) => joinsOrLeaves(to.set, rule.from, one));
    if (outbound && speaksFor(rule, "outbound")) addPossible(affected, to, rule.from);
    if (inbound && speaksFor(rule, "inbound")) addPossible(affected, to, rule.to);
  }
  return affected;
}

function changedWorkloads(from: Inventory, to: Inventory): readonly Changed[] {
  const changed: Changed[] = [];
  const compare = (before: Workload | undefined, after: Workload | undefined) => {
    if (before === after || JSON.stringify(before) === JSON.stringify(after)) return;
    const addressesOf = (one: Workload | undefined) => (one === undefined ? "" : ownAddresses(one).join());
    const name = (after ?? before)?.metadata.name ?? "";
    changed.push({ name, before, after, addresses: addressesOf(before) !== addressesOf(after) });
  };
  for (const after of to.workloads) compare(from.byName.get(after.metadata.name), after);
  for (const before of from.workloads) if (!to.byName.has(before.metadata.name)) compare(before, undefined);
  return changed;
}

/**
 * Whether a factor of an endpoint means the workload before and not after, or the other way round. One by one, since a
 * factor stands for addresses, and workloads that share an address may each meet another factor of the same rule; and
 * segment by segment, so that one that does not resolve hides no other.
 */
function joinsOrLeaves(set: PolicySet, { segment, labels }: Endpoint, { before, after }: Changed): boolean {
  const differs = (holds: (workload: Workload) => boolean): boolean =>
    (before !== undefined && holds(before)) !== (after !== undefined && holds(after));
  return (
    (segment !== undefined && listOf(segment).some((name) => differs((one) => inAny(set, [name], one)))) ||
    (labels !== undefined && differs((one) => selectsWorkload(labels, one)))
  );
}

/** Whether a host may be at this end of a rule, whatever the addresses say. A name that does not resolve may be any: a deny takes it so. */
function mayBe({ set, inventory }: CompiledFrom, endpoint: Endpoint, workload: Workload): boolean {
  const { workload: names, segment, labels } = endpoint;
  const named = (one: string) => one === workload.metadata.name || !inventory.byName.has(one);
  if (names !== undefined && !listOf(names).some(named)) return false;
  if (segment !== undefined && !inAny(set, listOf(segment), workload)) return false;
  return labels === undefined || selectsWorkload(labels, workload);
}

/** A segment that does not resolve may be any. */
function inAny(set: PolicySet, names: readonly string[], workload: Workload): boolean {
  return names.some((name) => {
    const segment = set.segments.find((one) => one.metadata.name === name);
    return segment === undefined || selectsWorkload(segment.spec.workloads, workload);
  });
}

function addPossible(affected: Set<string>, to: CompiledFrom, own: Endpoint): void {
  for (const workload of to.inventory.workloads) {
    const { name } = workload.metadata;
    if (!affected.has(name) && mayBe(to, own, workload)) affected.add(name);
  }
}

function names({ workload }: Endpoint, name: string): boolean {
  return workload !== undefined && listOf(workload).includes(name);
}

/** Whether a port that a rule names is, or was, one of the changed workload's. */
function servesNamed({ ports }: NetworkRule, { before, after }: Changed): boolean {
  const wanted = (ports ?? []).map(parsePortSpec).filter((spec) => spec?.kind === "named");
  const own = [...(before?.spec.ports ?? []), ...(after?.spec.ports ?? [])];
  return own.some(({ name }) => wanted.some((spec) => spec.name === name));
}
