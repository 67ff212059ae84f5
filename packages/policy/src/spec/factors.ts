import type { Attempt, DestinationEndpoint, FlowEnd, SourceEndpoint, Workload } from "@ringwall/model";
import { isGlobal, parsePortSpec, portLast } from "@ringwall/model";
import { anyOf, type KnownProcess, matchSoftware, type Truth } from "../lower/match-software.ts";
import { type End, isUnmanaged } from "../policy-set/end.ts";
import { AGENT_SOFTWARE } from "../policy-set/essential.ts";
import type { Inventory } from "../policy-set/inventory.ts";
import { listOf, selectsWorkload } from "../policy-set/labels.ts";
import { inCidr, isNamed } from "../policy-set/patterns.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { formatEnd, formatProcess, formatWanted } from "../words/words.ts";

/** One condition of a rule, judged. Truth null: can't be told, as of every reference that does not resolve. */
export type Factor = { readonly what: string; readonly truth: Truth; readonly differs: string };
export type World = { readonly set: PolicySet; readonly inventory: Inventory };
type Endpoint = SourceEndpoint & DestinationEndpoint;

/** Where the end is. */
export function placeFactors(world: World, side: string, endpoint: Endpoint, end: End): readonly Factor[] {
  const judge: { readonly [Key in keyof Endpoint]?: (wanted: NonNullable<Endpoint[Key]>) => Truth } = {
    workload: (names) => anyOf(listOf(names).map((name) => isWorkload(world, name, end))),
    segment: (names) => anyOf(listOf(names).map((name) => inSegment(world, name, end))),
    labels: (selector) => ofOwner(end, (owner) => selectsWorkload(selector, owner)),
    cidr: (blocks) => everyAddress(end, (address) => inCidr(blocks, address)),
    unmanaged: () => unmanaged(end),
    internet: () => (unmanaged(end) === true ? everyAddress(end, isGlobal) : unmanaged(end)),
    fqdn: (patterns) => anyOf(listOf(patterns).map((pattern) => isNamed(pattern, end.flow.fqdn))),
  };
  return (Object.keys(judge) as (keyof typeof judge)[]).flatMap((key) => {
    const wanted = endpoint[key];
    if (wanted === undefined) return [];
    const truth = (judge[key] as (wanted: unknown) => Truth)(wanted); // the key ties the two types together
    return [factor(`${side} ${key}`, truth, formatEnd(end.flow), wanted === true ? key : wanted)];
  });
}

/** What an endpoint says about the process; the caller decides whether the judging end knows it. */
export function processFactors(
  { set }: World,
  side: string,
  endpoint: Endpoint,
  { flow }: End,
): readonly Factor[] {
  const factors: Factor[] = [];
  const { software } = endpoint;
  if (software !== undefined) {
    const negated = typeof software === "object" && "not" in software;
    const among = anyOf(listOf(negated ? software.not : software).map((name) => isSoftware(set, name, flow)));
    const truth = negated && among !== null ? !among : among;
    factors.push(factor(`${side} software`, truth, formatProcess(flow), software));
  }
  for (const key of ["user", "unit", "container"] as const) {
    const wanted = endpoint[key];
    if (wanted === undefined) continue;
    // Null beside a known executable means that there is none; a key left out means that it is not known.
    const known = typeof flow[key] === "string" || (flow[key] === null && typeof flow.exe === "string");
    const truth = known ? listOf(wanted).includes(flow[key] ?? "") : null;
    factors.push(factor(`${side} ${key}`, truth, known ? (flow[key] ?? "none") : "not known", wanted));
  }
  return factors;
}

/** Protocol and port; a named port is one of the destination's own. */
export function portFactor(ports: readonly string[] | undefined, attempt: Attempt, dst: End): Factor {
  const port = attempt.proto === "icmp" ? attempt.icmpType : attempt.port;
  const truths = (ports ?? []).map((text): Truth => {
    const spec = parsePortSpec(text);
    if (spec === null || spec.proto !== attempt.proto) return false;
    if (spec.kind === "range" && spec.from === 0 && spec.to === portLast(spec.proto)) return true;
    if (port === undefined) return null;
    if (spec.kind === "range") return port >= spec.from && port <= spec.to;
    const { name, proto } = spec;
    const serves = ({ spec: { ports: own } }: Workload) =>
      own?.some((one) => one.name === name && one.proto === proto && one.port === port) ?? false;
    return ofOwner(dst, serves);
  });
  const got = port === undefined ? attempt.proto : `${attempt.proto}/${port}`;
  return factor("port", ports === undefined ? true : anyOf(truths), got, ports ?? "any");
}

export function factor(what: string, truth: Truth, got: string, wanted: unknown): Factor {
  return { what, truth, differs: `${what}: ${got}, not ${formatWanted(wanted)}` };
}

/** True or false of the one owner; where several own the address, at most "can't be told". */
function ofOwner(end: End, holds: (owner: Workload) => boolean): Truth {
  if (end.workload !== null) return holds(end.workload);
  if (end.owners.length > 0) return end.owners.some(holds) ? null : false;
  return isUnmanaged(end) ? false : null;
}

function isWorkload({ inventory }: World, name: string, end: End): Truth {
  return inventory.byName.has(name) ? ofOwner(end, (owner) => owner.metadata.name === name) : null;
}

function inSegment({ set }: World, name: string, end: End): Truth {
  const segment = set.segments.find((one) => one.metadata.name === name);
  if (segment === undefined) return null;
  return ofOwner(end, (owner) => selectsWorkload(segment.spec.workloads, owner));
}

function isSoftware(set: PolicySet, name: string, flow: FlowEnd): Truth {
  const software = set.software.find((one) => one.metadata.name === name);
  if (software === undefined && name !== AGENT_SOFTWARE) return null;
  if (typeof flow.software === "string") return flow.software === name;
  if (typeof flow.exe !== "string") return null;
  return software === undefined
    ? false
    : matchSoftware(software.spec.anyOf, { ...flow, exe: flow.exe } as KnownProcess);
}

function unmanaged(end: End): Truth {
  return isUnmanaged(end) ? true : end.owners.length > 0 ? false : null;
}

function everyAddress(end: End, holds: (address: bigint) => boolean): Truth {
  if (end.addresses.length === 0) return null;
  const first = holds(end.addresses[0] as bigint); // not empty
  return end.addresses.every((address) => holds(address) === first) ? first : null;
}
