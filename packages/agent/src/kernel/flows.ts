/** Takes the flows: turns the kernel to the other buffer, lets programs in flight finish, empties the first. */
import type { FlowRecord } from "./contract.ts";
import {
  active,
  decodeFlowKey,
  decodeFlowValue,
  flowKeyBytes,
  flowValueBytes,
  limit,
} from "./generated/layout.ts";
import { type KernelMap, missing, u32 } from "./kernel-map.ts";
import { directionName, flowStateName, levelName, reasonName, verdictName } from "./names.ts";

/** Takes flow records over; the kernel forgets them when it resolves. The same records may come again after a kill. */
export type KeepFlows = (records: readonly FlowRecord[]) => Promise<void>;

/** All, also of programs that are still at work; or nothing where nothing is counted yet: that comes with the next call. */
export type WhichFlows = "all" | "counted";

export interface FlowMaps {
  readonly active: KernelMap;
  readonly flows0: KernelMap;
  readonly flows1: KernelMap;
  /** Both of them, by number. */
  readonly flowBuffers: KernelMap;
}

export type HandOver = (keep: KeepFlows, which?: WhichFlows) => Promise<void>;

/**
 * Hands over what was counted since the last call, and empties the buffer only once it was taken: an agent that is killed
 * or can't keep it anywhere finds the same records again. What an earlier call could not hand over comes first.
 */
export function createHandOver(maps: FlowMaps): HandOver {
  // Looking whether a buffer is empty takes the kernel through all of it.
  let idleIsEmpty = false;
  return async (keep, which = "all") => {
    const wasEmpty = idleIsEmpty;
    idleIsEmpty = false;
    await handOverFlows(maps, keep, which, wasEmpty);
    idleIsEmpty = true;
  };
}

async function handOverFlows(
  maps: FlowMaps,
  keep: KeepFlows,
  which: WhichFlows,
  idleIsEmpty: boolean,
): Promise<void> {
  const live = maps.active.get(u32(active.flows))?.getUint32(0, true);
  if (live === undefined) throw missing("active", "the live flow buffer");
  const [counting, idle] = live === 0 ? [maps.flows0, maps.flows1] : [maps.flows1, maps.flows0];
  if (!idleIsEmpty) await handOver(idle, keep);
  if (which === "counted" && counting.isEmpty()) return;
  maps.active.set(u32(active.flows), u32(live === 0 ? 1 : 0));
  // Putting a buffer where it is already waits until no program is at work that began before: on a busy machine one may
  // stand still for long between looking for the buffer and writing to it.
  await maps.flowBuffers.insert(live, counting);
  await handOver(counting, keep);
}

export async function drainFlows(handOverAll: HandOver): Promise<readonly FlowRecord[]> {
  const all: FlowRecord[] = [];
  await handOverAll(async (records) => {
    for (const record of records) all.push(record);
  });
  return all;
}

async function handOver(buffer: KernelMap, keep: KeepFlows): Promise<void> {
  if (buffer.isEmpty()) return;
  const { keys, values, count } = buffer.read();
  await keep(Array.from({ length: count }, (_, i) => toFlowRecord(keys, values, i)));
  buffer.clear();
}

function toFlowRecord(keys: DataView, values: DataView, index: number): FlowRecord {
  const key = decodeFlowKey(keys, index * flowKeyBytes);
  const value = decodeFlowValue(values, index * flowValueBytes);
  return {
    identity: key.identity,
    rule: key.rule,
    address: key.address.slice(),
    port: key.port,
    proto: key.proto,
    direction: directionName(key.direction),
    verdict: verdictName(key.verdict),
    state: flowStateName(key.state),
    reason: reasonName(key.reason),
    level: levelName(key.level),
    workload: key.workload & ~limit.byHost,
    byHost: (key.workload & limit.byHost) !== 0,
    ...value,
  };
}
