import type { Mode } from "@ringwall/model";

/** Wildcard of both halves of a policy key. */
export const ANY = 0xffff_ffff;
/** Process whose identity is not (yet) known: no process factor of an allow is true, every one of a deny is. */
export const SUBJECT_UNKNOWN = 0;
/** The agent itself, marked by tgid in the kernel's task map. */
export const SUBJECT_AGENT = 1;
/** First class that `lowerHost` hands out to known processes; odd ones are of software that the policy names. */
export const SUBJECT_FIRST = 2;
/** A peer that can't prove its software: unmanaged, without a key, its path strips proofs, or not TCP. */
export const REMOTE_NONE = 0;
/** One that could have proved it and did not. */
export const REMOTE_UNKNOWN = 1;
/** Outbound, at connect(): it will be asked for with the answer. */
export const REMOTE_PROVISIONAL = 2;
/** First class that `lowerHost` hands out to proved software. */
export const REMOTE_FIRST = 3;
/** Not a class of addresses but "any peer at all": what the least severe verdict is for whoever waits for others. */
export const PEER_SOMEBODY = 0xffff_fffe;
/** An address in no set of the policy. */
export const PEER_NONE = 0;

/** A prefix of the kernel's peer trie: IPv4 stands as v4-mapped IPv6 (`::ffff:a.b.c.d`, bits + 96). */
export type PeerEntry = {
  /** 16 bytes, network order. */
  readonly address: Uint8Array;
  /** 0..128 */
  readonly bits: number;
  readonly peerClass: number;
  /** One of this workload's own addresses. */
  readonly self: boolean;
  /** Owned by another workload. */
  readonly managed: boolean;
};

/**
 * One entry of the kernel's policy map. `port` holds the first port of a block of 2^(16 - portBits) ports; portBits 0 is
 * every port. The kernel looks up (subject, peer), (ANY, peer), (subject, ANY), (ANY, ANY), in each from the longest
 * port prefix in use to the shortest; the first hit decides, no hit is the default deny.
 */
export type PolicyEntry = {
  readonly subject: number;
  readonly peer: number;
  readonly direction: "outbound" | "inbound";
  /** IP protocol number: 6 TCP, 17 UDP, 1 ICMP (58 is folded into 1), 132 SCTP; 255 for raw sockets and all else. */
  readonly proto: number;
  readonly port: number;
  readonly portBits: number;
  readonly action: "allow" | "deny";
  readonly immediate: boolean;
  readonly essential: boolean;
  /** `HostRule.id`; 0 where a default deny had to be written out. */
  readonly rule: number;
  /** Not `REMOTE_NONE`: found before all others, for this very subject and peer. */
  readonly remote: number;
};

/** The fixed part of a lowered host policy: everything but the processes met so far. */
export type KernelSlot = {
  readonly modes: {
    readonly inbound: Mode | null;
    readonly outbound: Mode | null;
    readonly processes: Mode | null;
  };
  readonly loopbackEnforce: boolean;
  readonly failOpen: boolean;
  /** Open connections are judged again when the policy comes into force. */
  readonly cutEstablished: boolean;
  /** The entries say who may wait for others (`PEER_SOMEBODY`). */
  readonly judgesListeners: boolean;
  readonly peers: readonly PeerEntry[];
};
