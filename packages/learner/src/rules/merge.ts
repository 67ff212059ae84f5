import type { Link } from "../links.ts";
import type { EdgeClass } from "./classes.ts";
import { type Zone, zoneKey } from "./zone.ts";

/** A rule before it is written: a full cross product of its five lists. */
export type RuleDraft = {
  readonly from: readonly Zone[];
  readonly fromSoftware: readonly number[];
  readonly to: readonly Zone[];
  readonly toSoftware: readonly number[];
  readonly ports: readonly string[];
  /** Which end it speaks for. */
  readonly at: "both" | "source" | "destination";
  /** What stays inside one host. */
  readonly inside?: boolean;
  /** Meant for every workload, those of tomorrow too. */
  readonly everybody?: boolean;
  /** Reaches every workload, those of tomorrow too. */
  readonly everywhere?: boolean;
  readonly links: readonly Link[];
  readonly confidence: number;
};

type Dimension = "from" | "fromSoftware" | "to" | "toSoftware" | "ports";

/** Ports first (one service), then who is reached, then who reaches, then the programs: the order in which people read. */
const ORDER: readonly Dimension[] = ["ports", "to", "from", "fromSoftware", "toSoftware"];
/** Dynamic ports of one known receiver from which on they are one class. */
const DYNAMIC_PORTS_MIN = 3;
const DYNAMIC_PORT_FIRST = 32_768;
const ICMP_TYPE_MAX = 255;

export function draftOf({ links, ...edgeClass }: EdgeClass, confidence: number): RuleDraft {
  return {
    from: [edgeClass.from],
    fromSoftware: [edgeClass.fromSoftware],
    to: [edgeClass.to],
    toSoftware: [edgeClass.toSoftware],
    ports: [portSpec(edgeClass.proto, edgeClass.port)],
    at: "both",
    links,
    confidence,
  };
}

export function portSpec(proto: string, port: number): string {
  return port === -1 || (proto === "icmp" && port > ICMP_TYPE_MAX) ? proto : `${proto}/${port}`;
}

/** Joins drafts that differ in one list only: the result permits exactly what its parts did. */
export function mergeLossless(drafts: readonly RuleDraft[]): readonly RuleDraft[] {
  let current = drafts.map(joinDynamic).flatMap(splitByEnd);
  for (const dimension of ORDER) current = mergeAlong(current, dimension);
  return mergeAlong(current, "ports").map(joinDynamic);
}

function mergeAlong(drafts: readonly RuleDraft[], dimension: Dimension): RuleDraft[] {
  const groups = Map.groupBy(drafts, (draft) => keyWithout(draft, dimension));
  return [...groups.values()].flatMap((group) => (group.length === 1 ? group : [joined(group)]));
}

function keyWithout(draft: RuleDraft, dimension: Dimension): string {
  const parts: string[] = [draft.at];
  parts.push(...ORDER.filter((other) => other !== dimension).map((other) => listKey(draft, other)));
  // Lists only hold what one endpoint field can hold together.
  if (dimension === "from" || dimension === "to")
    parts.push(
      draft[dimension].every(isListable) ? (draft[dimension][0]?.kind ?? "") : listKey(draft, dimension),
    );
  if (dimension === "fromSoftware" || dimension === "toSoftware")
    parts.push(String(draft[dimension].includes(-1)));
  return parts.join("|");
}

function isListable(zone: Zone): boolean {
  return zone.kind === "segment" || zone.kind === "cidr" || zone.kind === "fqdn" || zone.kind === "special";
}

function listKey(draft: RuleDraft, dimension: Dimension): string {
  if (dimension === "from" || dimension === "to") return draft[dimension].map(zoneKey).sort().join();
  return [...draft[dimension]].map(String).sort().join();
}

export function joined(group: readonly RuleDraft[]): RuleDraft {
  const zones = (all: readonly Zone[]): readonly Zone[] => [
    ...new Map(all.map((zone) => [zoneKey(zone), zone])).values(),
  ];
  return {
    from: zones(group.flatMap((draft) => draft.from)),
    fromSoftware: [...new Set(group.flatMap((draft) => draft.fromSoftware))],
    to: zones(group.flatMap((draft) => draft.to)),
    toSoftware: [...new Set(group.flatMap((draft) => draft.toSoftware))],
    ports: [...new Set(group.flatMap((draft) => draft.ports))],
    at: group[0]?.at ?? "both",
    links: group.flatMap((draft) => draft.links),
    confidence: Math.min(...group.map((draft) => draft.confidence)),
  };
}

/**
 * Only a TCP connection carries proof of the peer's program. Elsewhere each end is told its own program's part: a rule
 * that names both could never match at either.
 */
function splitByEnd(draft: RuleDraft): readonly RuleDraft[] {
  const isProvable = draft.ports.every((port) => port.startsWith("tcp"));
  const isBetweenWorkloads = draft.from[0]?.kind === "segment" && draft.to[0]?.kind === "segment";
  if (isProvable || !isBetweenWorkloads) return [draft];
  if (draft.fromSoftware.includes(-1) && draft.toSoftware.includes(-1)) return [draft];
  return [
    { ...draft, at: "source", toSoftware: [-1] },
    { ...draft, at: "destination", fromSoftware: [-1] },
  ];
}

/** Several dynamic ports of one known receiver are its dynamic range. */
function joinDynamic(draft: RuleDraft): RuleDraft {
  if (draft.toSoftware.includes(-1)) return draft;
  const dynamic = draft.ports.filter((port) => Number(port.split("/")[1]) >= DYNAMIC_PORT_FIRST);
  if (dynamic.length < DYNAMIC_PORTS_MIN) return draft;
  const ranges = new Set(dynamic.map((port) => `${port.split("/")[0]}/${DYNAMIC_PORT_FIRST}-65535`));
  return { ...draft, ports: [...draft.ports.filter((port) => !dynamic.includes(port)), ...ranges].sort() };
}
