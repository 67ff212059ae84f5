/** Control groups by which the kernel may look software up again, whether they are still there or not. */
import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { connectionLayout, decodeProcess, decodeTask } from "./generated/layout.ts";
import { type KernelMap, u32 } from "./kernel-map.ts";

export interface InUseMaps {
  readonly tasks: KernelMap;
  readonly listeners: KernelMap;
  readonly connections: KernelMap;
}

/** Entries read in one go; then others have their turn. */
const AT_ONCE = 256;

/** Those in which a process was executed, a socket bound or an open connection made. */
export async function readCgroupsInUse(
  { tasks, listeners, connections }: InUseMaps,
  pinDir: string,
): Promise<Set<bigint>> {
  const found = new Set(boundCgroups(pinDir));
  let read = 0;
  const turn = async () => {
    if (++read % AT_ONCE === 0) await setImmediate();
  };
  // Inherited by what it forks, and kept where it is moved.
  for (const key of tasks.keys()) {
    const task = tasks.get(key);
    if (task !== undefined) found.add(decodeTask(task).cgroupId);
    await turn();
  }
  for (const key of listeners.keys()) {
    const process = listeners.get(key);
    if (process !== undefined) found.add(decodeProcess(process).cgroupId);
  }
  const { each, cookiesAt, processesAt, bytes } = connectionLayout;
  for (let set = 0; set < connections.shape.entries; set++) {
    const places = connections.get(u32(set));
    for (let way = 0; places !== undefined && way < each; way++) {
      if (places.getBigUint64(cookiesAt + way * 8, true) === 0n) continue;
      found.add(decodeProcess(places, processesAt + way * bytes).cgroupId);
    }
    await turn();
  }
  return found;
}

/** Of sockets that are still there, whoever has them now. Reading the pinned iterator runs the program over all. */
function boundCgroups(pinDir: string): Iterable<bigint> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(`${pinDir}/iter/dump_bound`);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw cause;
  }
  return Array.from({ length: Math.floor(bytes.length / 8) }, (_, i) => bytes.readBigUInt64LE(i * 8));
}
