/** Workloads that a host carries: which control groups are whose, and each one's own slots (docs/containers.md). */
import type { Kernel } from "./contract.ts";
import { carriedBytes, carriedFlag, decodeCarried, encodeCarried, limit } from "./generated/layout.ts";
import { type KernelMap, room } from "./kernel-map.ts";
import { beginCarrying, clearSlots, endCarrying, type SlotMaps } from "./slots.ts";

/** A control group was made, and waits to be described: answer with `carrying.assign` or `carrying.release`. */
export interface CgroupEvent {
  readonly timeNs: bigint;
  readonly tgid: number;
  readonly type: "cgroup";
  readonly cgroupId: bigint;
  /** From the root of the hierarchy. */
  readonly path: string;
}

export interface KernelCarrying {
  /** From now on control groups are asked whose they are, and new ones wait until they are described. */
  readonly begin: () => void;
  /** Nothing is carried (any more): the host's policy judges all. */
  readonly end: () => Promise<void>;
  /** A control group, and what is made below it from now on, belongs to a workload: 1 to CARRIED_MAX. */
  readonly assign: (cgroupId: bigint, workload: number) => void;
  /** It is no container: it waits no more, and is the host's. */
  readonly release: (cgroupId: bigint) => void;
  /** None of a workload's control groups waits any more: its own policy judges. */
  readonly settle: (workload: number) => void;
  /** 0: the host's. */
  readonly workloadOf: (cgroupId: bigint) => number;
  /** Control groups that were given to a workload, or wait. */
  readonly groups: () => readonly {
    readonly cgroupId: bigint;
    readonly workload: number;
    readonly waits: boolean;
  }[];
  /**
   * What comes to this address and meets no socket is that control group's; the first workload that has an address keeps
   * it, so that a container which gives itself another's takes nothing over.
   */
  readonly setAddress: (address: Uint8Array, cgroupId: bigint) => void;
  /** Nothing where another control group has it by now. */
  readonly deleteAddress: (address: Uint8Array, cgroupId: bigint) => void;
  /** Addresses whose workload went while no agent ran are nobody's. */
  readonly dropStaleAddresses: () => void;
  /** The kernel as one workload sees it: slots, draft and executions of its own, all else shared. */
  readonly workload: (workload: number) => Kernel;
  /** The workload is gone: its control groups are the host's at once, its slots empty and its number free at the end. */
  readonly remove: (workload: number) => Promise<void>;
}

/** Containers and pods of one host. */
export const CARRIED_MAX = limit.carriedMax;
/** Addresses of one of them; the controller takes no more of a container. */
export const CARRIED_ADDRESSES_MAX = limit.carriedAddressesMax;

type CarryingMaps = Omit<SlotMaps, "workload"> & {
  readonly carried: KernelMap;
  readonly carriedAddresses: KernelMap;
};

export function kernelCarrying(maps: CarryingMaps, workload: (workload: number) => Kernel): KernelCarrying {
  const groups = () =>
    [...maps.carried.keys()].flatMap((key) => {
      const value = maps.carried.get(key);
      const cgroupId = key.getBigUint64(0, true);
      if (value === undefined) return [];
      const { workload: whose, flags } = decodeCarried(value);
      return [{ cgroupId, workload: whose, waits: (flags & carriedFlag.fresh) !== 0 }];
    });
  const workloadOf = (cgroupId: bigint) => {
    const value = maps.carried.get(keyOf(cgroupId));
    return value === undefined ? 0 : decodeCarried(value).workload;
  };
  /** 0: nobody. */
  const holderOf = (address: Uint8Array) =>
    maps.carriedAddresses.get(bytesKey(address))?.getBigUint64(0, true) ?? 0n;
  const remove = async (whose: number) => {
    for (const group of groups()) if (group.workload === whose) maps.carried.delete(keyOf(group.cgroupId));
    await clearSlots({ ...maps, workload: whose });
  };
  return {
    begin: () => beginCarrying(maps),
    end: async () => {
      endCarrying(maps);
      const whose = new Set(groups().map((group) => group.workload));
      for (const { cgroupId } of groups()) maps.carried.delete(keyOf(cgroupId));
      await Promise.all([...whose].filter((one) => one !== 0).map(remove));
    },
    assign: (cgroupId, whose) => maps.carried.set(keyOf(cgroupId), entryOf(maps, cgroupId, whose)),
    release: (cgroupId) => {
      if (workloadOf(cgroupId) === 0) maps.carried.delete(keyOf(cgroupId));
    },
    settle: (whose) => {
      for (const { cgroupId, workload: now, waits } of groups()) {
        if (now !== whose || !waits) continue;
        const value = room(carriedBytes);
        encodeCarried(value, { sinceNs: 0n, workload: whose, flags: 0 });
        maps.carried.set(keyOf(cgroupId), value);
      }
    },
    workloadOf,
    groups,
    setAddress: (address, cgroupId) => {
      const holder = holderOf(address);
      if (holder !== cgroupId && workloadOf(holder) === 0)
        maps.carriedAddresses.set(bytesKey(address), keyOf(cgroupId));
    },
    deleteAddress: (address, cgroupId) => {
      if (holderOf(address) === cgroupId) maps.carriedAddresses.delete(bytesKey(address));
    },
    dropStaleAddresses: () => {
      const holders = [...maps.carriedAddresses.keys()].map((key) => ({
        key,
        holder: maps.carriedAddresses.get(key)?.getBigUint64(0, true) ?? 0n,
      }));
      for (const { key, holder } of holders) if (workloadOf(holder) === 0) maps.carriedAddresses.delete(key);
    },
    workload,
    remove,
  };
}

/** One that waits goes on waiting, by its own policy from now on. */
function entryOf({ carried }: CarryingMaps, cgroupId: bigint, workload: number): DataView {
  const before = carried.get(keyOf(cgroupId));
  const value = room(carriedBytes);
  const { sinceNs, flags } = before === undefined ? { sinceNs: 0n, flags: 0 } : decodeCarried(before);
  encodeCarried(value, { sinceNs, flags, workload });
  return value;
}

function keyOf(cgroupId: bigint): DataView {
  const key = room(8);
  key.setBigUint64(0, cgroupId, true);
  return key;
}

function bytesKey(address: Uint8Array): DataView {
  return new DataView(address.buffer, address.byteOffset, address.byteLength);
}
