import type { Protocol, Workload } from "@ringwall/model";
import type { Edge } from "./edge.ts";
import { indexParties, type Party } from "./party.ts";
import type { SoftwareIndex } from "./software/name-software.ts";

/** An edge between parties and software, after both ends' reports were put together. Numbers index the tables; -1 is "not known". */
export type Link = {
  readonly src: number;
  readonly srcSoftware: number;
  readonly dst: number;
  dstSoftware: number;
  readonly proto: Protocol;
  readonly port: number;
  /** The destination's address where it is unowned and more exact than its party. */
  readonly ip: string | null;
  /** The source's address where it is unowned. */
  readonly srcIp: string | null;
  firstMs: number;
  lastMs: number;
  days: number;
  established: number;
  refused: number;
  timeout: number;
  denied: number;
  /** Distinct input edges that went into it. */
  edges: number;
};

export type LinkTable = { readonly parties: readonly Party[]; readonly links: readonly Link[] };

/**
 * Puts the input together: edges that differ only in digests of the same software become one, and records of only one
 * end are completed by the other end's and by what is known to listen there.
 */
export function linkTable(
  edges: readonly Edge[],
  inventory: readonly Workload[],
  software: SoftwareIndex,
): LinkTable {
  const index = indexParties(inventory);
  const raw = edges.map((edge) => toLink(edge, index.of, software));
  fillListeners(raw);
  const known = new Set<string>();
  for (const link of raw) if (link.srcSoftware !== -1) known.add(conversation(link));
  const links = new Map<string, Link>();
  for (const link of raw) {
    // The same conversation was reported by its source too, which knows the program.
    if (link.srcSoftware === -1 && known.has(conversation(link))) continue;
    const key = `${conversation(link)} ${link.srcSoftware} ${link.dstSoftware} ${link.ip ?? ""} ${link.srcIp ?? ""}`;
    const twin = links.get(key);
    if (twin === undefined) links.set(key, link);
    else absorb(twin, link);
  }
  return { parties: index.parties, links: [...links.values()] };
}

function toLink(edge: Edge, partyOf: ReturnType<typeof indexParties>["of"], software: SoftwareIndex): Link {
  return {
    src: partyOf(edge, edge.src),
    srcSoftware: software.of(edge.src),
    dst: partyOf(edge, edge.dst),
    dstSoftware: software.of(edge.dst),
    proto: edge.proto,
    port: edge.port ?? -1,
    ip: edge.dst.workload === null ? edge.dst.ip : null,
    srcIp: edge.src.workload === null ? edge.src.ip : null,
    firstMs: edge.firstMs,
    lastMs: edge.lastMs,
    days: edge.days,
    established: edge.established,
    refused: edge.refused,
    timeout: edge.timeout,
    denied: edge.denied,
    edges: 1,
  };
}

function conversation(link: Link): string {
  return `${link.src} ${link.dst} ${link.proto} ${link.port}`;
}

/** What listens at an address and port is known from any client's record; one that lacks it gets the one there is. */
function fillListeners(links: readonly Link[]): void {
  const listeners = new Map<string, number>();
  const listenerKey = (link: Link): string => `${link.dst} ${link.proto} ${link.port}`;
  for (const link of links) {
    if (link.dstSoftware === -1) continue;
    const known = listeners.get(listenerKey(link));
    // Two programs took turns at this port: which one a record without it met can't be said.
    listeners.set(
      listenerKey(link),
      known === undefined || known === link.dstSoftware ? link.dstSoftware : -1,
    );
  }
  for (const link of links) {
    if (link.dstSoftware === -1) link.dstSoftware = listeners.get(listenerKey(link)) ?? -1;
  }
}

function absorb(into: Link, link: Link): void {
  // Spans apart are other days: an upgraded program's edges follow the old one's. Else the days are mostly the same.
  const isApart = link.firstMs > into.lastMs || link.lastMs < into.firstMs;
  into.days = isApart ? into.days + link.days : Math.max(into.days, link.days);
  into.firstMs = Math.min(into.firstMs, link.firstMs);
  into.lastMs = Math.max(into.lastMs, link.lastMs);
  into.established += link.established;
  into.refused += link.refused;
  into.timeout += link.timeout;
  into.denied += link.denied;
  into.edges += link.edges;
}
