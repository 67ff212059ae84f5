import type { PairKey, ProofPeerState, ProofProfile } from "../kernel/proof.ts";
import { type KeyRing, signingKey } from "./key-ring.ts";
import { type OwnKey, type PeerKey, pairKey, sharedSecret } from "./keys.ts";

/** A peer as the controller says. */
export type ProofPeer = {
  readonly workload: string;
  /** 16 bytes each, IPv4 mapped. */
  readonly addresses: readonly Uint8Array[];
  /** Oldest first, at most two; empty where revoked. */
  readonly keys: readonly PeerKey[];
  readonly path: "expected" | "stripped" | "revoked";
  readonly mutePorts: readonly number[];
  /** Of proofs in datagrams; null where the peer has none. */
  readonly datagramPath: "expected" | "stripped" | "revoked" | null;
  /** What the network between changes; left out where nothing. */
  readonly changes?: ProofProfile | undefined;
};

/**
 * What the kernel needs to know of a peer: keys for both directions and all phases, from the keys of both ends.
 * `datagrams`: this host proves its software in them; it takes both ends.
 */
export function peerState(
  workload: string,
  ring: KeyRing,
  peer: ProofPeer,
  { datagrams = false } = {},
): ProofPeerState {
  const verify: (PairKey | null)[] = [null, null, null, null];
  for (const own of ring.keys)
    for (const theirs of peer.keys) {
      const secret = secretOf(own, theirs);
      if (secret === null) continue;
      verify[((theirs.generation & 1) << 1) | (own.generation & 1)] = pairKey(secret, {
        sender: { workload: peer.workload, generation: theirs.generation },
        receiver: { workload, generation: own.generation },
      });
    }
  const sign = signOf(workload, ring, peer);
  // Containers of one host prove to each other by its own keys.
  if (peer.workload === workload)
    return { path: "local", datagramPath: datagrams ? "local" : undefined, verify, sign };
  const datagramPath = datagrams ? (peer.datagramPath ?? undefined) : undefined;
  return { path: peer.path, datagramPath, changes: peer.changes, verify, sign };
}

/** With the key that peers certainly know, to the newest of the peer, which has it from the moment it is known. */
function signOf(workload: string, ring: KeyRing, peer: ProofPeer): ProofPeerState["sign"] {
  const own = signingKey(ring);
  const theirs = peer.keys.at(-1);
  const secret = theirs === undefined ? null : secretOf(own, theirs);
  if (theirs === undefined || secret === null) return null;
  const key = pairKey(secret, {
    sender: { workload, generation: own.generation },
    receiver: { workload: peer.workload, generation: theirs.generation },
  });
  return { key, senderPhase: own.generation & 1, receiverPhase: theirs.generation & 1 };
}

/** Remembered as long as the own key is: an exchange costs more than all the rest. */
const secrets = new WeakMap<OwnKey, Map<string, Uint8Array | null>>();

function secretOf(own: OwnKey, theirs: PeerKey): Uint8Array | null {
  const known = secrets.get(own) ?? new Map<string, Uint8Array | null>();
  secrets.set(own, known);
  const name = Buffer.from(theirs.publicKey).toString("base64");
  const found = known.get(name);
  if (found !== undefined) return found;
  let secret: Uint8Array | null = null;
  try {
    secret = sharedSecret(own, theirs);
  } catch {
    // No key that could be used: nothing from there can be proved.
  }
  known.set(name, secret);
  return secret;
}
