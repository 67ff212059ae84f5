/** The maps of a slot as the kernel has them: made with room to grow, and filled. */
import type { PeerEntry, PolicyEntry, RemoteEntry, SubjectEntry } from "./contract.ts";
import {
  action,
  direction,
  encodePeerKey,
  encodePeerValue,
  encodePolicyKey,
  encodePolicyValue,
  limit,
  peerFlag,
  peerKeyBytes,
  peerValueBytes,
  policyFlag,
  policyKeyBytes,
  policyValueBytes,
} from "./generated/layout.ts";
import { KernelMap, mapType, room } from "./kernel-map.ts";

export function policyMap(entries: readonly PolicyEntry[], spare: number): KernelMap {
  const size = entries.length + spare;
  const map = KernelMap.create("rw_policy", mapType.hash, policyKeyBytes, policyValueBytes, size);
  fillPolicies(map, entries);
  return map;
}

export function fillPolicies(map: KernelMap, entries: readonly PolicyEntry[]): void {
  const keys = room(entries.length * policyKeyBytes);
  const values = room(entries.length * policyValueBytes);
  entries.forEach((entry, i) => {
    encodePolicyKey(keys, toPolicyKey(entry), i * policyKeyBytes);
    const flags = (entry.immediate ? policyFlag.immediate : 0) | (entry.essential ? policyFlag.essential : 0);
    encodePolicyValue(
      values,
      { action: action[entry.action], flags, rule: entry.rule },
      i * policyValueBytes,
    );
  });
  filled(map, keys, values, entries.length);
}

export function toPolicyKey(entry: PolicyEntry) {
  const { portBits } = entry;
  if (portBits < 0 || portBits > limit.portBitsMax || !Number.isInteger(portBits)) {
    throw new RangeError(`a policy entry has ${portBits} port bits; want 0 to ${limit.portBitsMax}`);
  }
  return {
    subject: entry.subject,
    peer: entry.peer,
    port: entry.port & (0xffff0000 >> portBits) & 0xffff,
    proto: entry.proto,
    directionBits: (direction[entry.direction] << 5) | portBits,
    remote: entry.remote ?? 0,
  };
}

export function peerMap(entries: readonly PeerEntry[], spare: number): KernelMap {
  const size = entries.length + spare;
  const map = KernelMap.create("rw_peers", mapType.lpmTrie, peerKeyBytes, peerValueBytes, size);
  fillPeers(map, entries);
  return map;
}

export function fillPeers(map: KernelMap, entries: readonly PeerEntry[]): void {
  const keys = room(entries.length * peerKeyBytes);
  const values = room(entries.length * peerValueBytes);
  entries.forEach((entry, i) => {
    encodePeerKey(keys, { prefixBits: entry.prefixBits, address: entry.address }, i * peerKeyBytes);
    const flags = (entry.self ? peerFlag.self : 0) | (entry.managed ? peerFlag.managed : 0);
    encodePeerValue(values, { peerClass: entry.peerClass, flags }, i * peerValueBytes);
  });
  filled(map, keys, values, entries.length);
}

export function subjectMap(entries: readonly SubjectEntry[], spare: number): KernelMap {
  const map = KernelMap.create("rw_subjects", mapType.hash, 4, 4, entries.length + spare);
  fillSubjects(map, entries);
  return map;
}

export function fillSubjects(map: KernelMap, entries: readonly SubjectEntry[]): void {
  fillNumbers(map, entries, ({ identity, subject }) => [identity, subject]);
}

export function remoteMap(entries: readonly RemoteEntry[], spare: number): KernelMap {
  const map = KernelMap.create("rw_remotes", mapType.hash, 4, 4, entries.length + spare);
  fillRemotes(map, entries);
  return map;
}

export function fillRemotes(map: KernelMap, entries: readonly RemoteEntry[]): void {
  fillNumbers(map, entries, ({ number, remote }) => [number, remote]);
}

/** Keys and values of 32 bits each. */
function fillNumbers<E>(map: KernelMap, entries: readonly E[], pairOf: (entry: E) => [number, number]): void {
  const keys = room(entries.length * 4);
  const values = room(entries.length * 4);
  entries.forEach((entry, i) => {
    const [key, value] = pairOf(entry);
    keys.setUint32(i * 4, key, true);
    values.setUint32(i * 4, value, true);
  });
  filled(map, keys, values, entries.length);
}

function filled(map: KernelMap, keys: DataView, values: DataView, count: number): KernelMap {
  map.setMany(new Uint8Array(keys.buffer), new Uint8Array(values.buffer), count);
  return map;
}
