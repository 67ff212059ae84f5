import type { Outcome } from "@ringwall/model";
import { formatAddress, isNobody, type ProcessIdentity, parseAddress } from "@ringwall/model";
import type { Inventory } from "@ringwall/policy";
import type { Connection } from "../store/flows/connections.ts";
import { loadConnections } from "../store/flows/connections.ts";
import type { FlowStore } from "../store/flows/flow-store.ts";
import { PROCESS_UNKNOWN } from "../store/flows/process.ts";
import { durationMs, FUTURE_MS } from "./time.ts";

/** One end of a connection group: the workload where one is known, the address, the process. */
export type SeenEnd = {
  readonly workload: string | null;
  readonly ip: string;
  readonly process: ProcessIdentity | null;
};
/** A connection group with its ends looked up. */
export type Seen = Omit<
  Connection,
  "src" | "dst" | "src_workload" | "dst_workload" | "src_process" | "dst_process"
> & {
  readonly src: SeenEnd;
  readonly dst: SeenEnd;
};

export type WindowQuery = {
  readonly since: string | undefined;
  readonly slotSeconds: number;
  readonly perSlot: boolean;
  readonly workload?: string;
  readonly verdict?: Outcome;
  readonly deniedOnly?: boolean;
  /** Also what is no attempt of one end to reach another: waiting for others, raw sockets. */
  readonly withSockets?: boolean;
  readonly limit: number;
};

/** What only raw and packet sockets send. */
const PROTO_OTHER = 255;

/** The slots in which both ends' reports of lists and of edges are matched. */
export const FLOW_SLOT_SECONDS = 60;
export const EDGE_SLOT_SECONDS = 3_600;

/** What was seen from `since` until now, with workloads by the inventory of now where no agent named them. */
export async function loadWindow(
  store: FlowStore,
  inventory: Inventory,
  query: WindowQuery,
): Promise<{ readonly seen: readonly Seen[]; readonly truncated: boolean }> {
  const nowMs = Date.now();
  const { connections, truncated } = await loadConnections(store.engine, {
    fromMs: nowMs - durationMs(query.since),
    untilMs: nowMs + FUTURE_MS,
    slotSeconds: query.slotSeconds,
    perSlot: query.perSlot,
    limit: query.limit,
    ...(query.verdict === undefined ? {} : { verdict: query.verdict }),
    ...(query.workload === undefined ? {} : { workload: query.workload }),
    deniedOnly: query.deniedOnly ?? false,
    owners: storedOwners(inventory),
  });
  const addresses = new Map<string, { readonly ip: string; readonly owner: string | null }>();
  const lookUp = (text: string) => {
    const known = addresses.get(text);
    if (known !== undefined) return known;
    const address = parseAddress(text) ?? 0n;
    const owners = inventory.byAddress.get(address) ?? [];
    const found = {
      ip: formatAddress(address),
      owner: owners.length === 1 ? (owners[0]?.metadata.name ?? null) : null,
    };
    addresses.set(text, found);
    return found;
  };
  const endOf = (
    workload: string,
    party: string,
    address: string,
    process: Connection["src_process"],
  ): SeenEnd => {
    const { ip, owner } = lookUp(address);
    // A loopback address is nobody's in the inventory: it is the host that reported it.
    const known = workload === "" && inventory.byName.has(party) ? party : workload;
    return {
      workload: known === "" ? owner : known,
      ip,
      process: process === PROCESS_UNKNOWN ? null : store.processes.get(process),
    };
  };
  const seen = connections
    .map((one) => ({
      ...one,
      src: endOf(one.src_workload, one.src_party, one.src, one.src_process),
      dst: endOf(one.dst_workload, one.dst_party, one.dst, one.dst_process),
    }))
    .filter(({ proto, src, dst }) => {
      if (query.withSockets === true) return true;
      return proto !== PROTO_OTHER && !isNobody(src.ip) && !isNobody(dst.ip);
    });
  return { seen, truncated };
}

/** Owners of addresses that have exactly one, by the address as ClickHouse writes IPv6. */
function storedOwners(inventory: Inventory): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const [address, [owner, ...others]] of inventory.byAddress) {
    if (owner === undefined || others.length > 0) continue;
    const text = formatAddress(address);
    owners.set(text.includes(":") ? text : `::ffff:${text}`, owner.metadata.name);
  }
  return owners;
}
