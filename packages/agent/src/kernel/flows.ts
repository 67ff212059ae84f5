/** Takes the flows: turns the kernel to the other buffer, lets programs in flight finish, empties the first. */
import { setTimeout as sleep } from "node:timers/promises";
import type { FlowRecord } from "./contract.ts";
import { active, decodeFlowKey, decodeFlowValue, flowKeyBytes, flowValueBytes } from "./generated/layout.ts";
import { type KernelMap, missing, u32 } from "./kernel-map.ts";
import { directionName, flowStateName, levelName, reasonName, verdictName } from "./names.ts";

/** A program runs for microseconds; after this no program still writes the buffer that was live. */
const SETTLE_MS = 10;

export interface FlowMaps {
  readonly active: KernelMap;
  readonly flows0: KernelMap;
  readonly flows1: KernelMap;
}

export async function drainFlows(maps: FlowMaps): Promise<readonly FlowRecord[]> {
  const live = maps.active.get(u32(active.flows))?.getUint32(0, true);
  if (live === undefined) throw missing("active", "the live flow buffer");
  maps.active.set(u32(active.flows), u32(live === 0 ? 1 : 0));
  await sleep(SETTLE_MS);
  const records: FlowRecord[] = [];
  for (const { keys, values, count } of (live === 0 ? maps.flows0 : maps.flows1).take()) {
    for (let i = 0; i < count; i++) records.push(toFlowRecord(keys, values, i));
  }
  return records;
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
    ...value,
  };
}
