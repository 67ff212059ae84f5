import { decodeAddress, type Outcome } from "@ringwall/model";
import { ANY, type KernelSlot, PEER_NONE, type PeerEntry, type PolicyEntry, REMOTE_NONE } from "./kernel.ts";

export type KernelTables = { readonly slot: KernelSlot; readonly entries: readonly PolicyEntry[] };
export type KernelQuery = {
  readonly subject: number;
  /** 16 bytes, IPv4 v4-mapped. */
  readonly peer: Uint8Array;
  readonly direction: "outbound" | "inbound";
  /** IP protocol number. */
  readonly proto: number;
  /** Destination port, or ICMP type. */
  readonly port: number;
  /** Default: `REMOTE_NONE`. */
  readonly remote?: number;
};
export type KernelAnswer = {
  readonly action: "allow" | "deny";
  readonly immediate: boolean;
  readonly essential: boolean;
  /** `HostRule.id`; 0 = default deny. */
  readonly rule: number;
  readonly outcome: Outcome;
};

/** What the kernel's programs would answer with these tables: longest prefix for the peer, then its fixed order of keys. */
export function interpret(tables: KernelTables, query: KernelQuery): KernelAnswer {
  return createInterpreter(tables)(query);
}

/** The same for many queries. */
export function createInterpreter({ slot, entries }: KernelTables): (query: KernelQuery) => KernelAnswer {
  const map = new Map(entries.map((entry) => [keyOf(entry), entry]));
  return (query) => {
    const peer = longestMatch(slot.peers, query.peer);
    const hit = lookUp(map, query, peer?.peerClass ?? PEER_NONE);
    const found = {
      action: hit?.action ?? "deny",
      immediate: hit?.immediate ?? false,
      essential: hit?.essential ?? false,
      rule: hit?.rule ?? 0,
    } as const;
    return { ...found, outcome: outcomeOf(slot, query.direction, found, peer?.self ?? false) };
  };
}

const PORT_BITS = 16;

function lookUp(
  map: ReadonlyMap<string, PolicyEntry>,
  query: KernelQuery,
  peer: number,
): PolicyEntry | undefined {
  const { remote = REMOTE_NONE } = query;
  const keys = [
    ...(remote === REMOTE_NONE ? [] : [[query.subject, peer, remote] as const]),
    [query.subject, peer, REMOTE_NONE],
    [ANY, peer, REMOTE_NONE],
    [query.subject, ANY, REMOTE_NONE],
    [ANY, ANY, REMOTE_NONE],
  ] as const;
  for (const [subject, peerClass, remoteClass] of keys) {
    for (let bits = PORT_BITS; bits >= 0; bits--) {
      const port = bits === 0 ? 0 : (query.port >>> (PORT_BITS - bits)) << (PORT_BITS - bits);
      const hit = map.get(
        keyOf({ ...query, subject, peer: peerClass, port, portBits: bits, remote: remoteClass }),
      );
      if (hit !== undefined) return hit;
    }
  }
  return undefined;
}

function keyOf(
  key: Pick<PolicyEntry, "subject" | "peer" | "direction" | "proto" | "port" | "portBits" | "remote">,
): string {
  return `${key.subject} ${key.peer} ${key.direction} ${key.proto} ${key.port}/${key.portBits} ${key.remote}`;
}

function longestMatch(peers: readonly PeerEntry[], address: Uint8Array): PeerEntry | undefined {
  const value = decodeAddress(address);
  let best: PeerEntry | undefined;
  for (const peer of peers) {
    const shift = BigInt(128 - peer.bits);
    if (value >> shift !== decodeAddress(peer.address) >> shift) continue;
    if (best === undefined || peer.bits > best.bits) best = peer;
  }
  return best;
}

function outcomeOf(
  slot: KernelSlot,
  direction: "outbound" | "inbound",
  found: Pick<KernelAnswer, "action" | "immediate">,
  self: boolean,
): Outcome {
  const mode = slot.modes[direction];
  if (found.action === "allow") return "allowed";
  if (found.immediate || mode === "block") return self && !slot.loopbackEnforce ? "would-block" : "blocked";
  return mode === null ? "allowed" : "would-block";
}
