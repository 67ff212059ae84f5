import { isGlobal, rangesContain } from "@ringwall/model";
import { type Ranges, rangesOfCidr } from "../compile/address-book.ts";
import { createMembership, isMember, type Members } from "../compile/membership.ts";
import { type Inventory, ownAddresses } from "../policy-set/inventory.ts";
import { listOf } from "../policy-set/labels.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { type Bits, createPool, noBits, setBit } from "./bits.ts";
import type { IndexedRule } from "./rule-index.ts";

/** For the two sides of rules: which rules' place factors hold for an end. */
export type PlaceIndex = {
  /** A workload at any of its own addresses, by index into the inventory. */
  readonly ofWorkload: (side: "source" | "destination", index: number) => Bits;
  /** A workload (or null: nobody's address) at one address. */
  readonly ofAddress: (side: "source" | "destination", index: number | null, address: bigint) => Bits;
};
type Endpoint = IndexedRule["to"];
/** The factors of one endpoint, looked up; equal endpoints are judged once. */
type Place = {
  readonly rules: number[];
  readonly endpoint: Endpoint;
  readonly action: "allow" | "deny";
  /** Null = an end that nobody owns may meet these factors too. */
  readonly sets: readonly Members[] | null;
  /** The endpoint's `cidr`; null = any address. */
  readonly blocks: Ranges | null;
};

export function createPlaceIndex(
  set: PolicySet,
  inventory: Inventory,
  rules: readonly IndexedRule[],
): PlaceIndex {
  const membership = createMembership(inventory.workloads);
  const positions = new Map(inventory.workloads.map((one, i) => [one.metadata.name, i]));
  const segments = new Map(set.segments.map((one) => [one.metadata.name, one]));
  const setsOf = (endpoint: Endpoint, action: Place["action"]): readonly Members[] | null => {
    const sets: Members[] = [];
    const add = (found: readonly (Members | undefined)[]) => {
      if (action === "deny" && found.includes(undefined)) return;
      sets.push(unite(found.filter((one) => one !== undefined)));
    };
    const { workload, segment, labels } = endpoint;
    if (workload !== undefined) add(listOf(workload).map((name) => single(positions.get(name))));
    if (segment !== undefined)
      add(
        listOf(segment).map((name) => {
          const found = segments.get(name);
          return found === undefined ? undefined : membership.select(found.spec.workloads);
        }),
      );
    if (labels !== undefined) sets.push(membership.select(labels));
    return sets.length === 0 ? null : sets;
  };
  const sides = {
    source: createSide(inventory, placesOf(rules, "from", setsOf), rules.length),
    destination: createSide(inventory, placesOf(rules, "to", setsOf), rules.length),
  };
  return {
    ofWorkload: (side, index) => sides[side].ofWorkload(index),
    ofAddress: (side, index, address) => sides[side].ofAddress(index, address),
  };
}

function single(position: number | undefined): Members | undefined {
  return position === undefined ? undefined : Int32Array.of(position);
}

function unite(lists: readonly Members[]): Members {
  if (lists.length === 1) return lists[0] as Members; // there is one
  return Int32Array.from(new Set(lists.flatMap((list) => [...list]))).sort();
}

function placesOf(
  rules: readonly IndexedRule[],
  side: "from" | "to",
  setsOf: (endpoint: Endpoint, action: Place["action"]) => readonly Members[] | null,
): readonly Place[] {
  const places = new Map<string, Place>();
  rules.forEach((rule, i) => {
    const { software: _s, user: _u, unit: _n, container: _c, ...endpoint }: Endpoint = rule[side];
    const key = `${rule.action} ${JSON.stringify(endpoint)}`;
    const known = places.get(key);
    if (known !== undefined) {
      known.rules.push(i);
      return;
    }
    const { cidr } = endpoint;
    const blocks = cidr === undefined ? null : rangesOfCidr(cidr);
    const { action } = rule;
    places.set(key, { rules: [i], endpoint, action, sets: setsOf(endpoint, action), blocks });
  });
  return [...places.values()];
}

function createSide(inventory: Inventory, places: readonly Place[], rules: number) {
  const pool = createPool();
  const bitsOf = createBits(places, rules, pool);
  const byWorkload = workloadBits(inventory, places, bitsOf);
  /** Places that an address of nobody may be in. */
  const open = [...places.keys()].filter((p) => places[p]?.sets === null);
  return {
    ofWorkload: (index: number): Bits => byWorkload[index] as Bits, // callers have the index from the inventory
    ofAddress: (index: number | null, address: bigint): Bits => {
      const candidates = index === null ? open : places.keys();
      const met: number[] = [];
      for (const p of candidates) if (holdsAt(places[p] as Place, index, [address])) met.push(p); // p is in bounds
      return bitsOf(met);
    },
  };
}

/** Rules of a list of places; equal lists share one set. */
function createBits(places: readonly Place[], rules: number, pool: (bits: Bits) => Bits) {
  let known = new Map<string, Bits>();
  return (met: readonly number[]): Bits => {
    const key = met.join();
    const found = known.get(key);
    if (found !== undefined) return found;
    const bits = noBits(rules);
    for (const p of met) for (const rule of places[p]?.rules ?? []) setBit(bits, rule);
    if (known.size >= LISTS_MAX) known = new Map();
    const pooled = pool(bits);
    known.set(key, pooled);
    return pooled;
  };
}

/** Distinct lists of places that are remembered at a time. */
const LISTS_MAX = 100_000;

/** For every workload, going through what each place selects, so that the cost is what is selected. */
function workloadBits(
  inventory: Inventory,
  places: readonly Place[],
  bitsOf: (met: readonly number[]) => Bits,
): readonly Bits[] {
  const addresses = inventory.workloads.map(ownAddresses);
  const met: number[][] = inventory.workloads.map(() => []);
  places.forEach((place, p) => {
    const narrowest = place.sets?.toSorted((a, b) => a.length - b.length)[0];
    const candidates = narrowest ?? inventory.workloads.keys();
    for (const index of candidates) if (holdsAt(place, index, addresses[index] ?? [])) met[index]?.push(p);
  });
  return met.map(bitsOf);
}

/** Whether a rule's place factors hold: an allow's known and true, a deny's not known to be false. `fqdn` is asked later. */
function holdsAt(
  { endpoint, action, sets, blocks }: Place,
  index: number | null,
  addresses: readonly bigint[],
): boolean {
  if (sets !== null && (index === null || !sets.every((set) => isMember(set, index)))) return false;
  if (blocks !== null) {
    let inside = 0;
    for (const address of addresses) if (rangesContain(blocks, address)) inside++;
    const known = addresses.length > 0 && (inside === 0 || inside === addresses.length);
    if (known ? inside === 0 : action === "allow") return false;
  }
  if (endpoint.unmanaged === true && index !== null) return false;
  if (endpoint.internet === true && (index !== null || !addresses.every(isGlobal))) return false;
  return true;
}
