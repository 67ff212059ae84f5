import { setImmediate } from "node:timers/promises";
import type { Kernel } from "../kernel/contract.ts";
import type { KeyRing } from "./key-ring.ts";
import { type ProofPeer, peerState } from "./pair-keys.ts";

export type PeerWriterParts = {
  readonly kernel: Kernel;
  readonly workload: string;
  /** This host proves its software in datagrams too. */
  readonly datagrams: boolean;
};

/** Keeps the kernel's peers as they are known: keys and paths by address, and the ports that can't prove themselves. */
export type PeerWriter = {
  /** Keys and paths of these peers, as the kernel needs them. Lets other work through: a fleet may be large. */
  readonly write: (peers: readonly ProofPeer[], ring: KeyRing) => Promise<void>;
  /** Takes these out, but for what belongs to the peers that are `known` now. */
  readonly erase: (peers: readonly ProofPeer[], known: ReadonlyMap<string, ProofPeer>) => void;
  /** Takes out what an earlier agent wrote of others than these. */
  readonly keepOnly: (peers: readonly ProofPeer[]) => void;
  /** Whose an address is. */
  readonly ownerOf: (address: Uint8Array) => string | undefined;
};

export function createPeerWriter({ kernel, workload, datagrams }: PeerWriterParts): PeerWriter {
  const owners = new Map<string, string>();
  return {
    write: async (peers, ring) => {
      for (const peer of peers) {
        const state = peerState(workload, ring, peer, { datagrams });
        for (const address of peer.addresses) {
          owners.set(String(address), peer.workload);
          kernel.proof.setPeer(address, state);
          for (const port of peer.mutePorts) kernel.proof.setMute(address, port);
        }
        await setImmediate();
      }
    },
    erase: (peers, known) => {
      for (const { workload: name, addresses, mutePorts } of peers) {
        const still = known.get(name)?.addresses ?? [];
        for (const address of addresses) {
          if (owners.get(String(address)) !== name) continue;
          owners.delete(String(address));
          kernel.proof.deletePeer(address);
        }
        for (const address of [...addresses, ...still])
          for (const port of mutePorts) kernel.proof.deleteMute(address, port);
      }
    },
    keepOnly: (peers) => {
      const kept = new Set(peers.flatMap((peer) => peer.addresses.map(String)));
      for (const address of kernel.proof.peers())
        if (!kept.has(String(address))) kernel.proof.deletePeer(address);
    },
    ownerOf: (address) => owners.get(String(address)),
  };
}
