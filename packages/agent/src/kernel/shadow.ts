/** A draft beside the live policy: set, looked at, ended. Its contents are written as a slot's. */
import type { ShadowDifference, ShadowState } from "./contract.ts";
import {
  decodeShadow,
  decodeShadowKey,
  decodeShadowValue,
  encodeShadow,
  shadowBytes,
} from "./generated/layout.ts";
import { type KernelMap, missing, room, u32 } from "./kernel-map.ts";
import { directionName, verdictName } from "./names.ts";

export interface ShadowMaps {
  readonly shadow: KernelMap;
  readonly differences: KernelMap;
  /** Whose draft; 0: the host's. */
  readonly workload: number;
}

export function startShadow(maps: ShadowMaps, untilNs: bigint, goesOn = false): void {
  if (goesOn) {
    setShadow(maps, { ...readShadow(maps), untilNs });
    return;
  }
  stopShadow(maps);
  forgetDifferences(maps);
  setShadow(maps, { untilNs, met: 0n, uncounted: 0n });
}

/** What was counted stays until the next one starts. */
export function stopShadow(maps: ShadowMaps): void {
  setShadow(maps, { ...readShadow(maps), untilNs: 0n });
}

/** Those of other workloads' drafts stay. */
function forgetDifferences({ differences, workload }: ShadowMaps): void {
  const keys = [...differences.keys()].filter((key) => decodeShadowKey(key).workload === workload);
  for (const key of keys) differences.delete(key);
}

export function readShadow({ shadow, workload }: ShadowMaps): ShadowState {
  const view = shadow.get(u32(workload));
  if (view === undefined) throw missing("shadow", "its only element");
  const { untilNs, met, full } = decodeShadow(view);
  return { untilNs, met, uncounted: full };
}

export function readDifferences({ differences, workload }: ShadowMaps): readonly ShadowDifference[] {
  const found: ShadowDifference[] = [];
  for (const key of differences.keys()) {
    const value = differences.get(key);
    if (value === undefined) continue;
    const { direction, liveVerdict, draftVerdict, workload: whose, ...rest } = decodeShadowKey(key);
    if (whose !== workload) continue;
    found.push({
      ...rest,
      ...decodeShadowValue(value),
      direction: directionName(direction),
      liveVerdict: verdictName(liveVerdict),
      draftVerdict: verdictName(draftVerdict),
    });
  }
  return found;
}

function setShadow({ shadow, workload }: ShadowMaps, { untilNs, met, uncounted }: ShadowState): void {
  const view = room(shadowBytes);
  encodeShadow(view, { untilNs, met, full: uncounted });
  shadow.set(u32(workload), view);
}
