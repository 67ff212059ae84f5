/** Keys and paths between two test hosts that `wire` has joined, without a controller. */
import { randomBytes } from "node:crypto";
import type { PolicyEntry } from "../contract.ts";
import { type Path, remote } from "../generated/layout.ts";
import type { PairKey, ProofCount, ProofPeerState } from "../proof.ts";
import type { TestHost } from "./host.ts";
import { address, allow, deny, TCP } from "./policies.ts";

export const HOST_A = ["10.77.0.1", "fd77::1"].map(address);
export const HOST_B = ["10.77.0.2", "fd77::2"].map(address);
const NS_PER_S = 1_000_000_000n;

/** Both directions' keys, all with phase 0. */
export type Pair = { readonly toB: PairKey; readonly toA: PairKey };

export function newPair(): Pair {
  return { toB: new Uint8Array(randomBytes(16)), toA: new Uint8Array(randomBytes(16)) };
}

type Special = Pick<ProofPeerState, "datagramPath" | "changes">;

export function setKeys(
  a: TestHost,
  b: TestHost,
  pair: Pair,
  path: Path = "expected",
  special: Special = {},
): void {
  for (const peer of HOST_B) a.kernel.proof.setPeer(peer, stateOf(pair.toB, pair.toA, path, special));
  for (const peer of HOST_A) b.kernel.proof.setPeer(peer, stateOf(pair.toA, pair.toB, path, special));
}

export function stateOf(sign: PairKey, verify: PairKey, path: Path, special: Special = {}): ProofPeerState {
  const signing = { key: sign, senderPhase: 0, receiverPhase: 0 };
  return { path, sign: signing, verify: [verify, null, null, null], ...special };
}

/** Proofs on, with an epoch that is `ahead` seconds ahead of the machine's clock. */
export function turnOn(host: TestHost, { ahead = 0, numbered = false } = {}): void {
  const nowNs = BigInt(Date.now()) * 1_000_000n + BigInt(ahead) * NS_PER_S;
  host.kernel.proof.configure({ on: true, numbered, epochOffsetNs: nowNs - host.kernel.bootNs() });
}

export function turnOff(host: TestHost): void {
  host.kernel.proof.configure({ on: false, numbered: false, epochOffsetNs: 0n });
}

/** What this host has counted of its peer, IPv4 and IPv6 together. */
export function countsOf(host: TestHost) {
  return totalOf(host.kernel.proof.counts());
}

export function datagramCountsOf(host: TestHost) {
  return totalOf(host.kernel.proof.datagramCounts());
}

function totalOf(counts: readonly ProofCount[]) {
  const totals = { sent: 0, proved: 0, missing: 0, wrong: 0 };
  for (const one of counts) {
    totals.sent += Number(one.sent);
    totals.proved += Number(one.proved);
    totals.missing += Number(one.missing);
    totals.wrong += Number(one.wrong);
  }
  return totals;
}

/** Rules that let only who proved itself, or may yet, be talked with. */
export function onlyProved(direction: "in" | "out", subject: number, proto = TCP): readonly PolicyEntry[] {
  const own = { direction, subject, peer: 0, proto, rule: 7 } as const;
  return [
    allow({ ...own, remote: remote.first }),
    allow({ ...own, remote: remote.provisional }),
    deny({ ...own, remote: remote.unknown }),
  ];
}
