/** What the kernel counts of each peer's proofs in handshakes, and which place among those counts is whose. */
import { decodeProofCounts, decodeProofPeer, proofCountsBytes, proofPeerBytes } from "./generated/layout.ts";
import { type KernelMap, room, u32 } from "./kernel-map.ts";
import type { ProofCount } from "./proof.ts";

interface Known {
  readonly address: Uint8Array;
  readonly place: number;
}

/** Of an entry that was made before there were places: nobody's. */
const NO_PLACE = 0;

export class PeerCounts {
  readonly #counts: KernelMap;
  readonly #known = new Map<string, Known>();
  /** Places that were somebody's: with those in use, all from 1 on. */
  readonly #free: number[] = [];
  #raw: Buffer = Buffer.alloc(0);
  #last: readonly ProofCount[] = [];
  #moved = false;

  /** An agent that was restarted goes on with its forerunner's places. */
  constructor(peers: KernelMap, counts: KernelMap) {
    this.#counts = counts;
    const { keys, values, count } = peers.read();
    const { keyBytes } = peers.shape;
    const used = new Set<number>();
    let last = NO_PLACE;
    for (let i = 0; i < count; i++) {
      const { place } = decodeProofPeer(values, i * proofPeerBytes);
      if (place === NO_PLACE || place >= counts.shape.entries || used.has(place)) continue;
      used.add(place);
      last = Math.max(last, place);
      const address = new Uint8Array(keys.buffer.slice(i * keyBytes, (i + 1) * keyBytes));
      this.#known.set(String(address), { address, place });
    }
    for (let place = last - 1; place > NO_PLACE; place--) if (!used.has(place)) this.#free.push(place);
  }

  /** Has a peer written with its place; whoever is new begins at 0. */
  write(address: Uint8Array, put: (place: number) => void): void {
    const name = String(address);
    const known = this.#known.get(name);
    if (known !== undefined) {
      put(known.place);
      return;
    }
    const place = this.#free.at(-1) ?? this.#known.size + 1;
    this.#counts.set(u32(place), room(proofCountsBytes));
    put(place);
    this.#free.pop();
    this.#known.set(name, { address: address.slice(), place });
    this.#moved = true;
  }

  /** Of a peer that is gone. */
  release(address: Uint8Array): void {
    const known = this.#known.get(String(address));
    if (known === undefined) return;
    this.#known.delete(String(address));
    this.#free.push(known.place);
    this.#moved = true;
  }

  /** The same array as before where nothing was counted since. */
  read(): readonly ProofCount[] {
    const values = this.#counts.readFirst(1 + this.#known.size + this.#free.length);
    const raw = Buffer.from(values.buffer);
    if (!this.#moved && raw.equals(this.#raw)) return this.#last;
    this.#raw = raw;
    this.#moved = false;
    this.#last = [...this.#known.values()].map(({ address, place }) => ({
      address,
      ...decodeProofCounts(values, place * proofCountsBytes),
    }));
    return this.#last;
  }
}
