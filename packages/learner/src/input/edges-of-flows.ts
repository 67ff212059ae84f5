import {
  type Attempt,
  type Flow,
  type FlowEnd,
  isAttempt,
  type ProcessIdentity,
  type Workload,
} from "@ringwall/model";
import type { Edge, EdgeEnd } from "../edge.ts";
import { classOfAddress } from "../knowledge/addresses.ts";
import { repetitionFilter } from "./repetition.ts";

const DAY_MS = 86_400_000;
/** Where Linux starts handing out client ports; at or above it a destination port is rarely a service. */
const EPHEMERAL_PORT_MIN = 32_768;
/** Below it only the system's own services listen. */
const SYSTEM_PORT_MAX = 1023;

/** Collects flows of any number and keeps only the distinct edges. */
export type EdgeCollector = {
  readonly add: (flow: Flow) => void;
  /** The edges so far, in a stable order. */
  readonly edges: () => readonly Edge[];
};

type Gathered = {
  src: EdgeEnd;
  dst: EdgeEnd;
  readonly proto: Edge["proto"];
  readonly port: number | null;
  firstMs: number;
  lastMs: number;
  readonly dayNumbers: Set<number>;
  established: number;
  refused: number;
  timeout: number;
  denied: number;
  bytesOut: number;
  bytesIn: number;
};

/** Distinct edges of flow records; workloads are completed from the inventory's addresses where a record has none. */
export function edgesOfFlows(flows: Iterable<Flow>, inventory: readonly Workload[]): readonly Edge[] {
  const collector = collectEdges(inventory);
  for (const flow of flows) collector.add(flow);
  return collector.edges();
}

/** The same for streams: constant memory per distinct edge. */
export function collectEdges(inventory: readonly Workload[]): EdgeCollector {
  const owners = ownersOfAddresses(inventory);
  const gathered = new Map<string, Gathered>();
  const isRepeated = repetitionFilter();
  const add = (record: Flow): void => {
    if (!isAttempt(record)) return;
    const flow = isReply(record) ? turned(record) : record;
    const [src, dst] = resolveEnds(flow, owners);
    const port = flow.port ?? flow.icmpType ?? null;
    const key = `${endKey(src)}|${endKey(dst)}|${flow.proto}|${port}`;
    if (isRepeated(flow, key)) return;
    const known = gathered.get(key);
    if (known === undefined) gathered.set(key, count(startOf(src, dst, flow.proto, port), flow));
    else count(known, flow);
  };
  const edges = (): readonly Edge[] =>
    [...gathered.entries()]
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([, edge]) => finished(edge));
  return { add, edges };
}

/** Address → the one workload that owns it; null where several claim it. */
export function ownersOfAddresses(inventory: readonly Workload[]): ReadonlyMap<string, string | null> {
  const owners = new Map<string, string | null>();
  for (const { metadata, spec } of inventory) {
    for (const ip of spec.addresses) {
      const holder = owners.get(ip);
      owners.set(ip, holder === undefined || holder === metadata.name ? metadata.name : null);
    }
  }
  return owners;
}

/** A record from a service's port to a client's port: the answer of a flow that was never seen itself. */
function isReply(flow: Flow): boolean {
  const from = flow.src.port ?? null;
  return (
    from !== null &&
    from >= 1 &&
    from <= SYSTEM_PORT_MAX &&
    flow.port !== undefined &&
    flow.port >= EPHEMERAL_PORT_MIN
  );
}

function turned(flow: Flow & Attempt): Flow & Attempt {
  const port = flow.src.port ?? flow.port;
  const { bytesIn, bytesOut } = flow;
  return {
    ...flow,
    src: { ...flow.dst, port: flow.port },
    dst: flow.src,
    ...(port === undefined ? {} : { port }),
    ...(bytesIn === undefined ? {} : { bytesOut: bytesIn }),
    ...(bytesOut === undefined ? {} : { bytesIn: bytesOut }),
  };
}

function resolveEnds(flow: Flow, owners: ReadonlyMap<string, string | null>): [EdgeEnd, EdgeEnd] {
  let src = endOf(flow.src, owners);
  let dst = endOf(flow.dst, owners);
  const sameAddress = src.ip !== null && src.ip === dst.ip;
  const loops = (dst.ip !== null && classOfAddress(dst.ip) === "loopback") || sameAddress;
  if (loops) {
    // Equal or loopback addresses at both ends are one host, whatever the record leaves out.
    const workload = src.workload ?? dst.workload;
    src = { ...src, workload };
    dst = { ...dst, workload };
  }
  return [src, dst];
}

function endOf(end: FlowEnd, owners: ReadonlyMap<string, string | null>): EdgeEnd {
  const ip = end.ip ?? null;
  const workload = end.workload ?? (ip === null ? null : (owners.get(ip) ?? null));
  // An owned address adds nothing to the workload's name; a loopback address says that it never left the host.
  const keepsIp = workload === null || (ip !== null && classOfAddress(ip) === "loopback");
  return {
    workload,
    ip: keepsIp ? ip : null,
    fqdn: end.fqdn ?? null,
    process: processOf(end),
    ...(end.software == null || end.exe != null ? {} : { software: end.software }),
  };
}

function processOf(end: FlowEnd): ProcessIdentity | null {
  if (end.exe == null) return null;
  return {
    exe: end.exe,
    exeSha256: end.exeSha256 ?? null,
    script: end.script ?? null,
    scriptSha256: end.scriptSha256 ?? null,
    unattributable: end.unattributable ?? null,
    user: end.user ?? null,
    unit: end.unit ?? null,
    container: end.container ?? null,
    image: end.image ?? null,
    package: end.package ?? null,
    evidence: end.evidence ?? null,
    environment: [...(end.environment ?? [])].sort(),
  };
}

/** Identifies a program for an edge: user and unit vary without the software being another one. */
export function processKey(process: ProcessIdentity | null): string {
  if (process === null) return "";
  const { exe, exeSha256, script, scriptSha256, unattributable, environment } = process;
  return `${exe}\t${exeSha256 ?? ""}\t${script ?? ""}\t${scriptSha256 ?? ""}\t${unattributable ?? ""}\t${environment.join("\t")}`;
}

function endKey(end: EdgeEnd): string {
  return `${end.workload ?? ""}\n${end.ip ?? ""}\n${end.fqdn ?? ""}\n${end.software ?? ""}\n${processKey(end.process)}`;
}

function startOf(src: EdgeEnd, dst: EdgeEnd, proto: Edge["proto"], port: number | null): Gathered {
  const none = { established: 0, refused: 0, timeout: 0, denied: 0, bytesOut: 0, bytesIn: 0 };
  return { src, dst, proto, port, firstMs: Infinity, lastMs: -Infinity, dayNumbers: new Set(), ...none };
}

function count(edge: Gathered, flow: Flow): Gathered {
  const from = Date.parse(flow.time);
  const until = Math.max(from, flow.until === undefined ? from : Date.parse(flow.until));
  edge.firstMs = Math.min(edge.firstMs, from);
  edge.lastMs = Math.max(edge.lastMs, until);
  edge.dayNumbers.add(Math.floor(from / DAY_MS)).add(Math.floor(until / DAY_MS));
  const state = flow.state ?? (flow.verdict === "blocked" ? "denied" : "established");
  edge[state] += flow.count ?? 1;
  edge.bytesOut += flow.bytesOut ?? 0;
  edge.bytesIn += flow.bytesIn ?? 0;
  return edge;
}

function finished({ dayNumbers, ...edge }: Gathered): Edge {
  return { ...edge, days: dayNumbers.size };
}
