import type { ProofCount } from "../kernel/proof.ts";

export type PeerCounts = {
  readonly peer: string;
  readonly sent: bigint;
  readonly proved: bigint;
  readonly missing: bigint;
  readonly wrong: bigint;
};

/** Turns the kernel's counts since ever into each peer's since the last call; what did not change is left out. */
export function createCountReader(peerAt: (address: Uint8Array) => string | undefined) {
  let before = new Map<string, ProofCount>();
  let last: readonly ProofCount[] = [];
  return (counts: readonly ProofCount[]): readonly PeerCounts[] => {
    if (counts === last) return [];
    last = counts;
    const now = new Map<string, ProofCount>();
    const totals = new Map<string, { -readonly [Key in keyof PeerCounts]: PeerCounts[Key] }>();
    for (const count of counts) {
      const address = String(count.address);
      now.set(address, count);
      const peer = peerAt(count.address);
      if (peer === undefined) continue;
      const former = before.get(address);
      const sum = totals.get(peer) ?? { peer, sent: 0n, proved: 0n, missing: 0n, wrong: 0n };
      for (const key of ["sent", "proved", "missing", "wrong"] as const) {
        // An entry that was made anew counts from 0.
        const since = former === undefined || former[key] > count[key] ? 0n : former[key];
        sum[key] += count[key] - since;
      }
      totals.set(peer, sum);
    }
    before = now;
    return [...totals.values()].filter((one) => one.sent + one.proved + one.missing + one.wrong > 0n);
  };
}
