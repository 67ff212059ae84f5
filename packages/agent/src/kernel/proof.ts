/** The proof's maps: keys and paths of peers, numbers of identities, what came and went (docs/proof.md). */
import {
  decodeProofConfig,
  decodeProofCounts,
  encodeMuteKey,
  encodeProofConfig,
  encodeProofPeer,
  muteKeyBytes,
  type Path,
  path,
  profile,
  proofConfigBytes,
  proofCountsBytes,
  proofPeerBytes,
  proofSwitch,
} from "./generated/layout.ts";
import { type KernelMap, room, u32 } from "./kernel-map.ts";
import { forgetVerdicts } from "./past-verdicts.ts";
import { PeerCounts } from "./peer-counts.ts";

/** A SipHash key, 16 bytes. */
export type PairKey = Uint8Array;

/** What the network between two hosts changes, so that the MACs of the pair leave it out. */
export interface ProofProfile {
  readonly addresses: boolean;
  readonly ports: boolean;
}

export interface ProofPeerState {
  readonly path: Path;
  /** Of proofs in datagrams; without it there are none. */
  readonly datagramPath?: Path | undefined;
  /** Without it, addresses and ports are bound. */
  readonly changes?: ProofProfile | undefined;
  /** For packets to the peer, with the phases of the keys it was made of; null: none. */
  readonly sign: {
    readonly key: PairKey;
    readonly senderPhase: number;
    readonly receiverPhase: number;
  } | null;
  /** For packets from the peer, by the peer's phase × 2 + the own one; null where there is no such key. */
  readonly verify: readonly (PairKey | null)[];
}

/** Since the peer's entry was made. */
export interface ProofCount {
  readonly address: Uint8Array;
  readonly sent: bigint;
  readonly proved: bigint;
  readonly missing: bigint;
  readonly wrong: bigint;
}

export interface KernelProof {
  /** `epochOffsetNs`: since 1970 by the controller's clock, less CLOCK_BOOTTIME. */
  readonly configure: (config: {
    readonly on: boolean;
    /** Whoever has no number may soon have one: its first SYN waits for it. */
    readonly numbered: boolean;
    readonly epochOffsetNs: bigint;
  }) => void;
  /** As it was configured last, by this agent or the one before it in this boot; 0 = never. */
  readonly epochOffsetNs: () => bigint;
  readonly setPeer: (address: Uint8Array, state: ProofPeerState) => void;
  readonly deletePeer: (address: Uint8Array) => void;
  /** Addresses that have an entry: an agent that was restarted finds its forerunner's. */
  readonly peers: () => readonly Uint8Array[];
  readonly setMute: (address: Uint8Array, port: number) => void;
  readonly deleteMute: (address: Uint8Array, port: number) => void;
  readonly setNumber: (identity: number, number: number) => void;
  /** The same array as before where nothing was counted since. */
  readonly counts: () => readonly ProofCount[];
  /** The same of datagrams. */
  readonly datagramCounts: () => readonly ProofCount[];
}

export interface ProofMaps {
  readonly proofConfig: KernelMap;
  readonly proofPeers: KernelMap;
  readonly peerCounts: KernelMap;
  readonly datagramProofCounts: KernelMap;
  readonly proofMutes: KernelMap;
  readonly proofNumbers: KernelMap;
  readonly changed: KernelMap;
}

const MUTE = new DataView(Uint8Array.of(1).buffer);

export function kernelProof(maps: ProofMaps): KernelProof {
  const config = () => {
    const view = maps.proofConfig.get(u32(0));
    return view === undefined ? { epochOffsetNs: 0n, switches: 0 } : decodeProofConfig(view);
  };
  /** While there are none, the kernel looks for no mute listeners. */
  const configure = (epochOffsetNs: bigint, switches: number) => {
    const view = room(proofConfigBytes);
    const mutes = maps.proofMutes.isEmpty() ? 0 : proofSwitch.mutes;
    encodeProofConfig(view, { epochOffsetNs, switches: (switches & ~proofSwitch.mutes) | mutes });
    maps.proofConfig.set(u32(0), view);
  };
  let counts: PeerCounts | undefined;
  const handshakes = () => {
    counts ??= new PeerCounts(maps.proofPeers, maps.peerCounts);
    return counts;
  };
  return {
    configure: ({ on, numbered, epochOffsetNs }) =>
      configure(epochOffsetNs, (on ? proofSwitch.on : 0) | (numbered ? proofSwitch.numbered : 0)),
    epochOffsetNs: () => config().epochOffsetNs,
    setPeer: (address, state) => {
      maps.datagramProofCounts.add(keyOf(address), room(proofCountsBytes));
      handshakes().write(address, (place) => maps.proofPeers.set(keyOf(address), encodedPeer(state, place)));
    },
    deletePeer: (address) => {
      maps.proofPeers.delete(keyOf(address));
      handshakes().release(address);
      maps.datagramProofCounts.delete(keyOf(address));
    },
    peers: () => [...maps.proofPeers.keys()].map(bytesOf),
    setMute: (address, port) => {
      maps.proofMutes.set(muteKey(address, port), MUTE);
      const { epochOffsetNs, switches } = config();
      if (!(switches & proofSwitch.mutes)) configure(epochOffsetNs, switches);
    },
    // The next configuration notices that it was the last.
    deleteMute: (address, port) => {
      maps.proofMutes.delete(muteKey(address, port));
    },
    setNumber: (identity, number) => {
      maps.proofNumbers.set(u32(identity), u32(number));
      forgetVerdicts(maps);
    },
    counts: () => handshakes().read(),
    datagramCounts: countsIn(maps.datagramProofCounts),
  };
}

function countsIn(map: KernelMap): () => readonly ProofCount[] {
  let raw = Buffer.alloc(0);
  let last: readonly ProofCount[] = [];
  return () => {
    const { keys, values, count } = map.read();
    const { keyBytes, valueBytes } = map.shape;
    const now = Buffer.concat([
      new Uint8Array(keys.buffer, 0, count * keyBytes),
      new Uint8Array(values.buffer, 0, count * valueBytes),
    ]);
    if (now.equals(raw)) return last;
    raw = now;
    last = Array.from({ length: count }, (_, i) => ({
      address: new Uint8Array(keys.buffer.slice(i * keyBytes, (i + 1) * keyBytes)),
      ...decodeProofCounts(values, i * valueBytes),
    }));
    return last;
  };
}

function encodedPeer(
  { path: state, datagramPath, changes, sign, verify }: ProofPeerState,
  place: number,
): DataView {
  const view = room(proofPeerBytes);
  const [k0, k1] = words(sign?.key ?? null);
  const phases = sign === null ? 0 : ((sign.senderPhase << 31) | (sign.receiverPhase << 30)) >>> 0;
  encodeProofPeer(view, {
    sign: [k0, k1],
    verify: [0, 1, 2, 3].flatMap((i) => words(verify[i] ?? null)),
    phases,
    place,
    path: path[state],
    datagramPath: datagramPath === undefined ? 0 : path[datagramPath],
    profile: (changes?.addresses ? profile.addresses : 0) | (changes?.ports ? profile.ports : 0),
    signs: sign === null ? 0 : 1,
    verifies: [0, 1, 2, 3].reduce((bits, i) => bits | (verify[i] == null ? 0 : 1 << i), 0),
  });
  return view;
}

/** k0 and k1 as SipHash reads them. */
function words(key: PairKey | null): readonly [bigint, bigint] {
  if (key === null) return [0n, 0n];
  const view = new DataView(key.buffer, key.byteOffset);
  return [view.getBigUint64(0, true), view.getBigUint64(8, true)];
}

function muteKey(address: Uint8Array, port: number): DataView {
  const view = room(muteKeyBytes);
  encodeMuteKey(view, { address, port });
  return view;
}

function keyOf(address: Uint8Array): DataView {
  return new DataView(address.buffer, address.byteOffset, address.byteLength);
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
