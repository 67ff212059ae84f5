import { create } from "@bufbuild/protobuf";
import { type ProofPeer, type ProofState, ProofStateSchema } from "@ringwall/protocol/agent";
import type { Fleet } from "../store/state/fleet.ts";
import type { StoredKeys } from "../store/state/proof.ts";
import type { History } from "./history.ts";
import { DIRECTORY_PUSHED_MAX } from "./limits.ts";
import { identityMessage, peerMessage } from "./messages.ts";
import type { Numbers } from "./numbers.ts";
import type { Paths } from "./paths.ts";
import type { Profiles } from "./profiles.ts";
import type { Relations } from "./relations.ts";

/** What agents are told about each other, as it is now. */
export type DirectoryParts = {
  readonly fleet: Pick<Fleet, "ownersOf" | "get" | "carriedBy">;
  readonly history: History;
  readonly numbers: Numbers;
  readonly paths: Paths;
  /** Of proofs in datagrams. */
  readonly datagramPaths: Paths;
  readonly profiles: Profiles;
  /** Hosts that can prove. */
  readonly keys: ReadonlyMap<string, StoredKeys>;
  /** Forgotten hosts, with the addresses they had. */
  readonly revoked: ReadonlyMap<string, readonly string[]>;
  /** Hosts that were told of once and are neither of both now. */
  readonly gone: ReadonlySet<string>;
  /** Who may be told of whom. */
  readonly relations: Pick<Relations, "relatedTo">;
  /** The version at which each number of this run was given out. */
  readonly numberedAt: ReadonlyMap<number, number>;
};

/** Touched where a host's policy speaks of others: it is told everything anew. */
export const REACH_KEY = (workload: string) => `${workload} `;
/** Touched where a host's addresses are others, or it is revoked no more: who was told of it may have nothing to do with it. */
export const PLACE_KEY = (workload: string) => ` ${workload}`;
export const PATH_KEY = (source: string, destination: string) => `${source} ${destination}`;

/** The state for one agent: everything that concerns it, or what changed since `since`. Of forgotten hosts all are told. */
export function proofStateFor(
  parts: DirectoryParts,
  asker: string,
  since: number,
  asked: readonly number[],
): ProofState {
  const { history, numbers, relations } = parts;
  const isRelated = relations.relatedTo(asker);
  const complete = history.isTooOld(since) || history.changedAt(REACH_KEY(asker)) > since;
  const isNew = (workload: string) =>
    complete || history.changedAt(workload) > since || history.changedAt(PATH_KEY(workload, asker)) > since;
  const peers: ProofPeer[] = [];
  const left: string[] = [];
  for (const workload of parts.keys.keys()) {
    if (!isNew(workload)) continue;
    if (workload === asker) peers.push(...selfOf(parts, asker));
    else if (isRelated(workload)) peers.push(peerOf(parts, workload, asker));
    else if (history.changedAt(PLACE_KEY(workload)) > since) left.push(workload);
  }
  for (const workload of parts.revoked.keys())
    if (workload !== asker && isNew(workload)) peers.push(peerOf(parts, workload, asker));
  const told = new Set([...asked, ...newNumbers(parts, since, complete)]);
  const known = [...told].flatMap((number) => {
    const process = numbers.get(number);
    return process === null ? [] : [identityMessage(number, process)];
  });
  return create(ProofStateSchema, {
    version: BigInt(history.version()),
    run: BigInt(history.run),
    complete,
    peers,
    removed: complete ? [] : [...left, ...goneSince(parts, since, isRelated)],
    identities: known,
    unassigned: asked.filter((number) => numbers.get(number) === null),
  });
}

/**
 * Addresses that are this host's alone, and those of the containers that it carries and signs for: a proof from one that
 * others report too would be anybody's.
 */
export function ownAddresses({ fleet }: Pick<DirectoryParts, "fleet">, workload: string): readonly string[] {
  const addresses = fleet.get(workload)?.addresses ?? [];
  return [...unshared(fleet, addresses), ...carriedAddresses(fleet, workload)];
}

function carriedAddresses(fleet: DirectoryParts["fleet"], carrier: string): readonly string[] {
  return unshared(
    fleet,
    fleet.carriedBy(carrier).flatMap((one) => one.addresses),
  );
}

function unshared(fleet: DirectoryParts["fleet"], addresses: readonly string[]): readonly string[] {
  return addresses.filter((address) => fleet.ownersOf(address).length === 1);
}

/** A host is a peer of itself where its containers talk to each other. */
function selfOf(parts: DirectoryParts, workload: string): readonly ProofPeer[] {
  const keys = parts.keys.get(workload);
  if (keys === undefined || parts.fleet.carriedBy(workload).length === 0) return [];
  return [peerMessage(workload, carriedAddresses(parts.fleet, workload), keys, "expected", null, "none")];
}

/** Of a forgotten host's addresses, those that no other host has by now. */
export function freeAddresses(
  { fleet }: Pick<DirectoryParts, "fleet">,
  workload: string,
  addresses: readonly string[],
): readonly string[] {
  return addresses.filter((address) => fleet.ownersOf(address).every((owner) => owner === workload));
}

/** Hosts without keys now. Who is not in the fleet any more can't be looked up, and is named to all. */
function goneSince(
  { gone, history, fleet }: DirectoryParts,
  since: number,
  isRelated: (workload: string) => boolean,
): string[] {
  const concerns = (workload: string) =>
    fleet.get(workload) === undefined ||
    isRelated(workload) ||
    history.changedAt(PLACE_KEY(workload)) > since;
  return [...gone].filter((workload) => history.changedAt(workload) > since && concerns(workload));
}

function peerOf(parts: DirectoryParts, workload: string, asker: string): ProofPeer {
  const keys = parts.keys.get(workload);
  if (keys !== undefined) {
    const state = (paths: Paths) => (paths.isStripped(workload, asker) ? "stripped" : "expected");
    const datagramPath = keys.datagrams ? state(parts.datagramPaths) : null;
    const changes = parts.profiles.changesBetween(workload, asker);
    return peerMessage(
      workload,
      ownAddresses(parts, workload),
      keys,
      state(parts.paths),
      datagramPath,
      changes,
    );
  }
  const addresses = freeAddresses(parts, workload, parts.revoked.get(workload) ?? []);
  return peerMessage(workload, addresses, { keys: [], mutePorts: [] }, "revoked", "revoked", "none");
}

/** The newest numbers that agents are told of without asking. */
function* newNumbers({ numbers, numberedAt }: DirectoryParts, since: number, complete: boolean) {
  let room = DIRECTORY_PUSHED_MAX;
  for (const number of numbers.newest()) {
    if (room === 0 || (!complete && (numberedAt.get(number) ?? 0) <= since)) return;
    room -= 1;
    yield number;
  }
}
