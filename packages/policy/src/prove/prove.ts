import {
  type AddressRange,
  API_VERSION,
  type Assertion,
  type Attempt,
  formatAddress,
  parsePortSpec,
  portLast,
  type Software,
  type Workload,
} from "@ringwall/model";
import { addressBookOf } from "../compile/address-book.ts";
import type { Inventory } from "../policy-set/inventory.ts";
import { inventoryOf } from "../policy-set/inventory.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { type NetworkRule, networkRules, ruleOf, speaksFor } from "../policy-set/rules.ts";
import { withoutTime } from "../policy-set/without-time.ts";
import { decide } from "../spec/decide.ts";
import type { World } from "../spec/factors.ts";
import { alternativesOf, type Conjunction } from "./literals.ts";
import { ABSENT, ANY_END, assume, type EndState, FRESH, type Literal, pick } from "./state.ts";

/** Choices that a proof may try; beyond that it is given up as not decided. */
export const PROOF_STEPS_MAX = 2_000_000;

/** An attempt that an assertion forbids and the rules allow, with the workloads it needs, of ours where ours do. */
export type CounterExample = {
  readonly attempt: Attempt;
  /** Workloads that the example makes up; none where the inventory's own suffice. */
  readonly workloads: readonly Workload[];
  /** The allows that let it through at the source and at the destination. */
  readonly rules: readonly string[];
};
export type Proof =
  | { readonly proved: true }
  | { readonly proved: false; readonly counterExample: CounterExample }
  | { readonly proved: null; readonly reason: string };

type Proto = Attempt["proto"];
type Ports = readonly { readonly proto: Proto; readonly from: number; readonly to: number }[];
type State = { readonly src: EndState; readonly dst: EndState; readonly ports: Ports };
type Search = World & {
  readonly denies: readonly NetworkRule[];
  readonly unmanaged: readonly AddressRange[];
  steps: number;
  /** A candidate that the evaluator did not confirm: then nothing is claimed. */
  doubt: boolean;
};

/**
 * Decides an assertion for every workload that labels can describe and for all software. A forbidden attempt needs an
 * allow at each managed end and no deny: for each pair of allows the conditions are met key by key, then each deny that
 * still fits is broken in one of its conditions, depth first.
 */
export function prove(given: PolicySet, inventory: Inventory, assertion: Assertion): Proof {
  const set = withoutTime(given);
  const rules = networkRules(set);
  const denies = rules.filter((rule) => rule.action === "deny");
  const { unmanaged } = addressBookOf(inventory);
  const search: Search = { set, inventory, denies, unmanaged, steps: 0, doubt: false };
  const allows = rules.filter((rule) => rule.action === "allow");
  const never = ruleOf("never", "allow", assertion.spec.never);
  for (const start of meetRule(search, { src: ANY_END, dst: ANY_END, ports: EVERY_PORT }, never)) {
    for (const out of [null, ...allows.filter((rule) => speaksFor(rule, "outbound"))]) {
      for (const [state, outName] of withAllow(search, start, out, "src"))
        for (const into of [null, ...allows.filter((rule) => speaksFor(rule, "inbound"))])
          for (const [both, inName] of withAllow(search, state, into, "dst")) {
            const found = breakDenies(search, both, 0);
            if (search.steps > PROOF_STEPS_MAX)
              return { proved: null, reason: `more than ${PROOF_STEPS_MAX} choices` };
            const example = found === null ? null : exampleOf(search, found, [outName, inName]);
            if (example !== null) return { proved: false, counterExample: example };
            search.doubt ||= found !== null;
          }
    }
  }
  return search.doubt ? { proved: null, reason: "an example could not be confirmed" } : { proved: true };
}

const EVERY_PORT: Ports = (["tcp", "udp", "sctp", "icmp"] as const).map((proto) => ({
  proto,
  from: 0,
  to: portLast(proto),
}));

/** States in which an end's allow holds; null stands for an end that nobody judges. */
function withAllow(
  search: Search,
  state: State,
  rule: NetworkRule | null,
  end: "src" | "dst",
): readonly (readonly [State, string])[] {
  const owned = assume(state[end], { kind: "owned", owned: rule !== null });
  const judged =
    owned !== null && rule === null ? assume(owned, { kind: "address", ranges: search.unmanaged }) : owned;
  if (judged === null) return [];
  const next = { ...state, [end]: judged };
  // Two ends without an agent are nobody's business.
  if (next.src.owned === false && next.dst.owned === false) return [];
  if (rule === null) return [[next, "not judged"]];
  return meetRule(search, next, rule).map((met) => [met, rule.name] as const);
}

function meetRule(search: Search, state: State, rule: NetworkRule): readonly State[] {
  const ports = rule.ports === undefined ? state.ports : meetPorts(search, state.ports, rule.ports);
  if (ports.length === 0) return [];
  const states: State[] = [];
  for (const from of alternativesOf(search, rule.from)) {
    const src = assumeAll(search, state.src, from);
    if (src === null) continue;
    for (const to of alternativesOf(search, rule.to)) {
      const dst = assumeAll(search, state.dst, to);
      if (dst !== null) states.push({ src, dst, ports });
    }
  }
  return states;
}

function assumeAll(search: Search, state: EndState, literals: Conjunction): EndState | null {
  let met: EndState | null = state;
  for (const literal of literals) {
    search.steps++;
    met = met === null ? null : assume(met, literal);
  }
  return met;
}

/** A named port may be any that a workload gives the name. */
function meetPorts({ inventory }: World, ports: Ports, specs: readonly string[]): Ports {
  const wanted = specs.flatMap((text): Ports => {
    const spec = parsePortSpec(text);
    if (spec === null) return [];
    if (spec.kind === "range") return [spec];
    const own = inventory.workloads.flatMap((one) => one.spec.ports ?? []);
    return own
      .filter((one) => one.name === spec.name && one.proto === spec.proto)
      .map(({ proto, port }) => ({ proto, from: port, to: port }));
  });
  return ports.flatMap((a) =>
    wanted
      .filter((b) => a.proto === b.proto && a.from <= b.to && b.from <= a.to)
      .map((b) => ({ proto: a.proto, from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) })),
  );
}

/** A state that no deny from `index` on fits; null where there is none. */
function breakDenies(search: Search, state: State, index: number): State | null {
  const deny = search.denies[index];
  if (deny === undefined || search.steps > PROOF_STEPS_MAX) return deny === undefined ? state : null;
  const judges =
    (speaksFor(deny, "outbound") && state.src.owned !== false) ||
    (speaksFor(deny, "inbound") && state.dst.owned !== false);
  const fits = judges ? meetRule(search, state, deny) : [];
  if (fits.length === 0) return breakDenies(search, state, index + 1);
  for (const broken of brokenStates(search, state, deny)) {
    const found = breakDenies(search, broken, index + 1);
    if (found !== null) return found;
  }
  return null;
}

/** Each alternative of the deny has to fail in one condition; where there are several, all their ways are combined. */
function brokenStates(search: Search, state: State, deny: NetworkRule): readonly State[] {
  const outside =
    deny.ports === undefined ? [] : subtractPorts(state.ports, meetPorts(search, state.ports, deny.ports));
  const states: State[] = outside.length > 0 ? [{ ...state, ports: outside }] : [];
  for (const end of ["src", "dst"] as const) {
    const endpoint = end === "src" ? deny.from : deny.to;
    let open: readonly EndState[] = [state[end]];
    for (const literals of alternativesOf(search, endpoint))
      open = open.flatMap((one) =>
        literals.flatMap((literal) => negated(literal).flatMap((not) => assumed(search, one, not))),
      );
    for (const one of open) states.push({ ...state, [end]: one });
  }
  return states;
}

function assumed(search: Search, state: EndState, literal: Literal): readonly EndState[] {
  search.steps++;
  const met = assume(state, literal);
  return met === null ? [] : [met];
}

function negated(literal: Literal): readonly Literal[] {
  switch (literal.kind) {
    case "owned":
      return [{ ...literal, owned: !literal.owned }];
    case "value":
      return [{ ...literal, values: { ...literal.values, not: !literal.values.not } }];
    case "address": {
      const rest = complementOf(literal.ranges);
      return rest.length === 0 ? [] : [{ ...literal, ranges: rest }];
    }
  }
}

function complementOf(ranges: Extract<Literal, { kind: "address" }>["ranges"]) {
  const rest = [];
  let next = 0n;
  for (const { first, last } of ranges) {
    if (first > next) rest.push({ first: next, last: first - 1n });
    next = last + 1n;
  }
  if (next < 1n << 128n) rest.push({ first: next, last: (1n << 128n) - 1n });
  return rest;
}

function subtractPorts(ports: Ports, taken: Ports): Ports {
  return taken.reduce<Ports>(
    (rest, { proto, from, to }) =>
      rest.flatMap((one) => {
        if (one.proto !== proto || one.to < from || one.from > to) return [one];
        return [
          ...(one.from < from ? [{ proto, from: one.from, to: from - 1 }] : []),
          ...(one.to > to ? [{ proto, from: to + 1, to: one.to }] : []),
        ];
      }),
    ports,
  );
}

/** The attempt itself, confirmed by the evaluator; null where the evaluator disagrees (a time window, an expiry). */
function exampleOf(search: Search, state: State, rules: readonly string[]): CounterExample | null {
  const src = concrete(search, state.src, "source");
  const dst = concrete(search, state.dst, "destination");
  const port = state.ports[0];
  if (port === undefined) return null;
  const at =
    port.proto === "icmp" ? { icmpType: port.from } : { port: Math.max(port.from, Math.min(1, port.to)) };
  const workloads = [...src.workloads, ...dst.workloads];
  const attempt: Attempt = {
    proto: port.proto,
    ...at,
    verification: "in-band",
    src: src.flow,
    dst: dst.flow,
  };
  const inventory = inventoryOf([...search.inventory.workloads, ...workloads]);
  if (!inventory.ok) return null;
  const software = [src.software, dst.software].filter((one) => one !== null);
  const known = { ...search.set, software: [...search.set.software, ...software] };
  const verdict = decide(known, inventory.value, attempt);
  const allowed =
    verdict.ok &&
    [verdict.value.outbound, verdict.value.inbound].every((one) => one === null || one.decision === "allow");
  return allowed ? { attempt, workloads, rules } : null;
}

/** Processes that nothing says anything about are given this name. */
const OTHER_SOFTWARE = "other-software";

function concrete({ set, inventory }: World, state: EndState, side: string) {
  const software = pick(state.values.get("@software"), [
    FRESH,
    ...set.software.map((one) => one.metadata.name),
  ]);
  const process = {
    software: software === FRESH ? OTHER_SOFTWARE : software,
    ...Object.fromEntries(
      (["user", "unit", "container"] as const).flatMap((key) => {
        const values = state.values.get(`@${key}`);
        return values === undefined ? [] : [[key, readable(pick(values, [FRESH]))]];
      }),
    ),
  };
  const made: Software | null =
    software === FRESH
      ? {
          apiVersion: API_VERSION,
          kind: "Software",
          metadata: { name: OTHER_SOFTWARE },
          spec: { anyOf: [{ executable: { path: "/other" } }] },
        }
      : null;
  const address = state.addresses?.[0]?.first ?? null;
  const ip = address === null ? {} : { ip: formatAddress(address) };
  const named = pick(state.values.get("@name"), []);
  if (state.owned === false)
    return {
      flow: { ip: formatAddress(address ?? EXAMPLE_ADDRESS), ...process },
      workloads: [],
      software: made,
    };
  if (named !== FRESH && inventory.byName.has(named))
    return { flow: { workload: named, ...process }, workloads: [], software: made };
  const labels = Object.entries(Object.fromEntries(state.values)).flatMap(([key, values]) => {
    const value = key.startsWith("@") ? ABSENT : pick(values, [ABSENT]);
    return value === ABSENT ? [] : [[key, readable(value)] as const];
  });
  const real = address === null ? existing(inventory, state) : undefined;
  if (real !== undefined)
    return { flow: { workload: real.metadata.name, ...process }, workloads: [], software: made };
  const workload: Workload = {
    apiVersion: API_VERSION,
    kind: "Workload",
    metadata: { name: `example-${side}`, labels: Object.fromEntries(labels) },
    spec: { addresses: address === null ? [] : [formatAddress(address)] },
  };
  return {
    flow: { workload: workload.metadata.name, ...ip, ...process },
    workloads: [workload],
    software: made,
  };
}

/** 192.0.2.1, of the block for documentation. */
const EXAMPLE_ADDRESS = 0xffff_c000_0201n;

function readable(value: string): string {
  return value === FRESH ? "another-value" : value;
}

/** A workload of ours that fits, the first by name. */
function existing(inventory: Inventory, state: EndState): Workload | undefined {
  return inventory.workloads.find((one) =>
    [...state.values].every(([key, values]) => {
      if (key === "@name") return values.list.has(one.metadata.name) !== values.not;
      if (key.startsWith("@")) return true;
      const label = one.metadata.labels?.[key] ?? ABSENT;
      return values.list.has(label) !== values.not;
    }),
  );
}
