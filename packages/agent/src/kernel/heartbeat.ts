/** The agent's sign of life in the kernel: how programs, and other agents, know that somebody answers. */
import { KernelMap, u32 } from "./kernel-map.ts";

/** Nanoseconds of CLOCK_BOOTTIME of the last beat on what is pinned at `pinDir`; 0 before the first. */
export function readHeartbeat(pinDir: string): bigint {
  const map = KernelMap.openPinned(pinDir, "heartbeat");
  try {
    return map.get(u32(0))?.getBigUint64(0, true) ?? 0n;
  } finally {
    map.close();
  }
}
