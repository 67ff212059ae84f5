import { existsSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { AgentOptions, AgentPlaces } from "../agent-options.ts";
import type { ContainerLookup } from "../identify/containers.ts";
import type { CgroupEvent } from "../kernel/carrying.ts";
import { unloadPrograms } from "../kernel-instance.ts";
import type { KnownListener } from "../observe/listeners.ts";
import { makeFolder } from "../state/make-folder.ts";
import type { Agent } from "../wire.ts";
import type { CarriedRegistry } from "./carried-agents.ts";
import {
  containerFolder,
  type FoundContainer,
  findContainers,
  foldersBelow,
  foundAt,
} from "./find-containers.ts";
import { runCarried } from "./run-carried.ts";
import { createWorkloadNumbers } from "./workload-numbers.ts";

/** Milliseconds after which a container that could not be carried is tried again. */
export const CARRY_RETRY_MS = 10_000;
/** Milliseconds between the making of a control group and its first process, at most; then the look each second finds it. */
const FIRST_PROCESS_WITHIN_MS = 3000;
const FIRST_PROCESS_LOOK_MS = 10;
/** Digits of an id in names of folders. */
const ID_DIGITS = 16;

/** Containers that an agent with this state directory has carried and not removed. */
export async function carriedIds(stateDir: string): Promise<string[]> {
  return readdir(join(stateDir, "carried")).catch(() => []);
}

/** Removes a container's state, and the programs that an agent of an older version gave it. */
export async function removeCarried(places: AgentPlaces, id: string): Promise<void> {
  const pinDir = `${places.pinDir}-${id}`;
  if (existsSync(pinDir)) await unloadPrograms(pinDir);
  await rm(join(places.stateDir, "carried", id), { recursive: true, force: true });
}

export type CarrierParts = {
  readonly options: AgentOptions;
  readonly cgroups: { readonly mount: string; readonly scope: string };
  readonly host: () => Agent;
  readonly containers: ContainerLookup;
  readonly registry: CarriedRegistry;
  /** Of the host and all that it carries. */
  readonly listeners: () => readonly KnownListener[];
  readonly log: Logger;
};

export type Carrier = {
  /** Looks for containers that came and went. */
  readonly look: () => Promise<void>;
  /** A control group was made: what it opens waits until this says whose it is. */
  readonly onCgroup: (event: CgroupEvent) => Promise<void>;
  /** Whether a container speaks for itself, so that its host does not report it too. */
  readonly carries: (container: string) => boolean;
  readonly counts: () => { readonly carried: number; readonly notCarried: number };
  /** Ends them all; what they enforce stays in the kernel. */
  readonly stop: () => Promise<void>;
};

type Carried = {
  readonly found: FoundContainer;
  readonly workload: number;
  readonly stop: AbortController;
  readonly done: Promise<void>;
};

/**
 * Gives each container (or pod) of this host a workload of its own within the host's agent: own certificate, policy
 * and reports, judged by the host's programs (docs/containers.md).
 */
export function createCarrier(parts: CarrierParts): Carrier {
  const { options, cgroups, log } = parts;
  const { carrying } = parts.host().kernel;
  const numbers = createWorkloadNumbers();
  const carried = new Map<string, Carried>();
  const starting = new Map<string, Promise<void>>();
  const awaited = new Set<string>();
  const failedMs = new Map<string, number>();
  let notCarried = 0;
  let isFirst = true;
  let stopped = false;

  const keyOf = ({ id, inode }: FoundContainer) => `${id}:${inode}`;
  const stateDirOf = ({ id }: FoundContainer) => join(options.stateDir, "carried", id.slice(0, ID_DIGITS));

  /** Its control group and those within; what is made later follows by itself. */
  async function assign(found: FoundContainer, workload: number): Promise<void> {
    carrying.assign(found.inode, workload);
    for (const folder of await foldersBelow(join(cgroups.mount, found.path))) {
      const info = await stat(folder, { bigint: true }).catch(() => undefined);
      if (info !== undefined) carrying.assign(info.ino, workload);
    }
  }

  async function begin(found: FoundContainer): Promise<void> {
    const stateDir = stateDirOf(found);
    await makeFolder(stateDir, 0o700);
    const workload = await numbers.take(stateDir);
    if (stopped) {
      if (workload !== undefined) numbers.free(workload);
      return;
    }
    if (workload === undefined) {
      notCarried++;
      carrying.release(found.inode);
      return;
    }
    await assign(found, workload);
    const key = keyOf(found);
    const stop = new AbortController();
    const done = runWhenPopulated(found, workload, stop.signal, stateDir)
      .catch((error: unknown) => {
        if (stop.signal.aborted) return;
        failedMs.set(key, performance.now());
        log.error({ err: error }, `the container \`${found.id}\` can't be carried`);
      })
      .finally(async () => {
        // What an ending agent enforced stays; what failed or went is the host's again.
        if (!stopped) await carrying.remove(workload);
        carried.delete(key);
        numbers.free(workload);
      });
    carried.set(key, { found, workload, stop, done });
  }

  async function runWhenPopulated(
    group: FoundContainer,
    workload: number,
    signal: AbortSignal,
    stateDir: string,
  ): Promise<void> {
    let found: FoundContainer | undefined;
    awaited.add(keyOf(group));
    for (let waited = 0; !signal.aborted; waited += FIRST_PROCESS_LOOK_MS) {
      found = await foundAt(cgroups.mount, group.path, cgroups.scope);
      if (found !== undefined || waited >= FIRST_PROCESS_WITHIN_MS) break;
      await sleep(FIRST_PROCESS_LOOK_MS);
    }
    awaited.delete(keyOf(group));
    if (found === undefined || signal.aborted) return;
    await runCarried({ ...parts, found, workload, stateDir, signal });
  }

  /** One start for each, whoever sees it first. */
  function start(found: FoundContainer): Promise<void> {
    const key = keyOf(found);
    const before = starting.get(key);
    if (before !== undefined || carried.has(key)) return before ?? Promise.resolve();
    const begun = begin(found).finally(() => starting.delete(key));
    starting.set(key, begun);
    return begun;
  }

  /** The container is gone: nothing of it stays. */
  async function end(one: Carried): Promise<void> {
    one.stop.abort();
    await one.done;
    await removeCarried(options, one.found.id.slice(0, ID_DIGITS));
  }

  /** Containers that went while no agent ran. */
  async function removeStale(present: readonly FoundContainer[]): Promise<void> {
    const ids = new Set(present.map(({ id }) => id.slice(0, ID_DIGITS)));
    for (const id of await carriedIds(options.stateDir)) if (!ids.has(id)) await removeCarried(options, id);
    const living = new Set(present.map(({ inode }) => inode));
    const gone = carrying.groups().filter((one) => one.workload !== 0 && !living.has(one.cgroupId));
    const kept = new Set(carrying.groups().flatMap((one) => (living.has(one.cgroupId) ? one.workload : [])));
    const ended = [...new Set(gone.map((one) => one.workload))].filter((workload) => !kept.has(workload));
    await Promise.all(ended.map(carrying.remove));
    carrying.dropStaleAddresses();
  }

  /** A control group that was made within a container before the kernel knew whose that is. */
  async function joinOuter(cgroupId: bigint, path: string): Promise<void> {
    const outer = await stat(join(cgroups.mount, path), { bigint: true }).catch(() => undefined);
    const key = `${containerFolder(path, cgroups.scope)?.id}:${outer?.ino}`;
    await starting.get(key);
    const inside = carried.get(key);
    if (inside === undefined) return carrying.release(cgroupId);
    carrying.assign(cgroupId, inside.workload);
    const waits = carrying.groups().some((one) => one.cgroupId === inside.found.inode && one.waits);
    if (!waits) carrying.settle(inside.workload);
  }

  /** Made, and its first process is yet to come. */
  function isAwaited(found: FoundContainer): boolean {
    return awaited.has(keyOf(found)) && existsSync(join(cgroups.mount, found.path));
  }

  function mayStart(found: FoundContainer): boolean {
    return performance.now() - (failedMs.get(keyOf(found)) ?? Number.NEGATIVE_INFINITY) > CARRY_RETRY_MS;
  }

  return {
    carries: (container) => parts.registry.ofContainer(container) !== undefined,
    counts: () => ({ carried: carried.size, notCarried }),
    onCgroup: async ({ cgroupId, path }) => {
      const folder = containerFolder(path, cgroups.scope);
      if (folder === undefined) carrying.release(cgroupId);
      else if (folder.path === path) await start({ ...folder, inode: cgroupId });
      else await joinOuter(cgroupId, folder.path);
    },
    look: async () => {
      const present = await findContainers(cgroups.mount, cgroups.scope);
      const keys = new Set(present.map(keyOf));
      if (isFirst) await removeStale(present);
      isFirst = false;
      const gone = [...carried.values()].filter(({ found }) => !keys.has(keyOf(found)) && !isAwaited(found));
      await Promise.all(gone.map(end));
      notCarried = 0;
      await Promise.all(present.filter(mayStart).map(start));
      for (const key of failedMs.keys()) if (!keys.has(key)) failedMs.delete(key);
    },
    stop: async () => {
      stopped = true;
      for (const one of carried.values()) one.stop.abort();
      await Promise.all([...carried.values()].map(({ done }) => done));
    },
  };
}
