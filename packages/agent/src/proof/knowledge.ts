import { isDeepStrictEqual } from "node:util";
import type { ProcessIdentity } from "@ringwall/model";
import { evidence as evidenceSchema, flowEnd } from "@ringwall/model";
import { type Process, ProofPath, type ProofState } from "@ringwall/protocol/agent";
import type { ProofPeer } from "./pair-keys.ts";
import type { ProofKnowledge } from "./proof-store.ts";

/** Entries of the directory that one agent keeps; beyond it the oldest go, and are asked for again. */
export const DIRECTORY_MAX = 65_536;

/** What changed with an answer of the controller. */
export type KnowledgeChange = {
  readonly known: ProofKnowledge;
  /** Peers that are new or other than before. */
  readonly changed: readonly ProofPeer[];
  readonly gone: readonly ProofPeer[];
  /** Numbers that are new, or mean something else than before. */
  readonly identities: readonly (readonly [number: number, identity: ProcessIdentity])[];
};

/** Puts the controller's answer to what is known. Pure. */
export function learn(before: ProofKnowledge, state: ProofState): KnowledgeChange {
  const peers = new Map(before.peers);
  const gone: ProofPeer[] = [];
  const told = new Set(state.peers.map((peer) => peer.workload));
  const leaving = state.complete ? [...peers.keys()].filter((name) => !told.has(name)) : state.removed;
  for (const name of leaving) {
    const peer = peers.get(name);
    if (peer !== undefined) gone.push(peer);
    peers.delete(name);
  }
  const changed: ProofPeer[] = [];
  for (const message of state.peers) {
    const peer = toPeer(message);
    const former = peers.get(peer.workload);
    if (former !== undefined) gone.push(...withoutAddressesOf(former, peer));
    peers.set(peer.workload, peer);
    changed.push(peer);
  }
  const directory = new Map(before.directory);
  const identities = state.identities.flatMap(({ number, process }) => {
    if (process === undefined) return [];
    const entry = [number, toIdentity(process)] as const;
    // A controller that has lost what it gave out has the last word on what a number means.
    if (isDeepStrictEqual(directory.get(number), entry[1])) return [];
    directory.delete(number);
    directory.set(...entry);
    return [entry];
  });
  for (const number of directory.keys()) {
    if (directory.size <= DIRECTORY_MAX) break;
    directory.delete(number);
  }
  return { known: { ...before, version: state.version, peers, directory }, changed, gone, identities };
}

/** The addresses that a peer no longer has, as a peer of their own. */
function withoutAddressesOf(former: ProofPeer, now: ProofPeer): readonly ProofPeer[] {
  const kept = new Set(now.addresses.map(String));
  const addresses = former.addresses.filter((one) => !kept.has(String(one)));
  const mutePorts = former.mutePorts.filter((port) => !now.mutePorts.includes(port));
  return [
    { ...former, addresses },
    { ...former, addresses: [], mutePorts },
  ].filter((one) => one.addresses.length > 0 || one.mutePorts.length > 0);
}

function toPeer(message: ProofState["peers"][number]): ProofPeer {
  const { workload, addresses, keys, path, mutePorts, datagramPath, changesAddresses, changesPorts } =
    message;
  return {
    workload,
    addresses: addresses.filter((one) => one.length === 16),
    keys: keys.map(({ generation, publicKey }) => ({ generation, publicKey })),
    path: pathOf(path),
    mutePorts,
    datagramPath: datagramPath === ProofPath.UNSPECIFIED ? null : pathOf(datagramPath),
    changes: { addresses: changesAddresses, ports: changesPorts },
  };
}

/** A path that this agent does not know is a newer controller's: nothing there counts as proved. */
function pathOf(path: ProofPath): ProofPeer["path"] {
  if (path === ProofPath.EXPECTED) return "expected";
  return path === ProofPath.STRIPPED ? "stripped" : "revoked";
}

/** What can't be read counts as not known, which no allow matches. */
function toIdentity(process: Process): ProcessIdentity {
  const unattributable = flowEnd.shape.unattributable.safeParse(orNull(process.unattributable));
  return {
    exe: process.exe,
    exeSha256: orNull(process.exeSha256),
    script: orNull(process.script),
    scriptSha256: orNull(process.scriptSha256),
    unattributable: unattributable.success ? (unattributable.data ?? null) : "inline",
    user: orNull(process.user),
    unit: orNull(process.unit),
    container: orNull(process.container),
    image: orNull(process.image),
    package: orNull(process.package),
    evidence: evidenceSchema.safeParse(process.evidence).data ?? null,
    environment: process.environment,
  };
}

function orNull(text: string): string | null {
  return text === "" ? null : text;
}
