import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import type { AgentOptions, AgentPlaces } from "../agent-options.ts";
import type { ContainerLookup } from "../identify/containers.ts";
import { unloadPrograms } from "../kernel-instance.ts";
import type { LocalAddress } from "../observe/addresses.ts";
import { type Credentials, loadCredentials, saveCredentials } from "../session/credentials.ts";
import { enrolCarried } from "../session/enrol.ts";
import { VERSION } from "../version.ts";
import { observeAddressesOf } from "./container-addresses.ts";
import { describeWorkload } from "./describe-workload.ts";
import { type FoundContainer, findContainers, processIn } from "./find-containers.ts";

/** Containers that one agent carries; each has kernel programs and maps of its own. Further ones stay the host's. */
export const CARRIED_MAX = 64;
/** Milliseconds after which a container that could not be carried is tried again. */
export const CARRY_RETRY_MS = 10_000;
const ADDRESSES_EVERY_MS = 5000;
/** Digits of an id in names of folders. */
const ID_DIGITS = 16;

/** Containers that an agent with this state directory has carried and not removed. */
export async function carriedIds(stateDir: string): Promise<string[]> {
  return readdir(join(stateDir, "carried")).catch(() => []);
}

/** Takes a container's programs out of the kernel and removes its state. */
export async function removeCarried(places: AgentPlaces, id: string): Promise<void> {
  const pinDir = `${places.pinDir}-${id}`;
  if (existsSync(pinDir)) await unloadPrograms(pinDir);
  await rm(join(places.stateDir, "carried", id), { recursive: true, force: true });
}

export type CarrierParts = {
  readonly options: AgentOptions;
  readonly cgroups: { readonly mount: string; readonly scope: string };
  readonly credentials: () => Credentials;
  readonly containers: ContainerLookup;
  readonly run: (options: AgentOptions) => Promise<void>;
  readonly log: Logger;
};

export type Carrier = {
  /** Looks for containers that came and went. */
  readonly look: () => Promise<void>;
  /** Whether a container speaks for itself, so that its host does not report it too. */
  readonly carries: (container: string) => boolean;
  readonly counts: () => { readonly carried: number; readonly notCarried: number };
  /** Ends them all; what they enforce stays in the kernel. */
  readonly stop: () => Promise<void>;
};

type Carried = {
  readonly found: FoundContainer;
  readonly stop: AbortController;
  readonly done: Promise<void>;
};

/**
 * Gives each container (or pod) of this host an agent of its own within this process: own certificate, policy, kernel
 * programs on its control group, and reports under its own name (docs/containers.md).
 */
export function createCarrier(parts: CarrierParts): Carrier {
  const { options, cgroups, log } = parts;
  const carried = new Map<string, Carried>();
  const failedMs = new Map<string, number>();
  let notCarried = 0;
  let isFirst = true;

  const keyOf = ({ id, inode }: FoundContainer) => `${id}:${inode}`;
  const placesOf = ({ id }: FoundContainer) => ({
    stateDir: join(options.stateDir, "carried", id.slice(0, ID_DIGITS)),
    pinDir: `${options.pinDir}-${id.slice(0, ID_DIGITS)}`,
  });

  async function carry(found: FoundContainer, signal: AbortSignal): Promise<void> {
    const folder = join(cgroups.mount, found.path);
    const places = placesOf(found);
    const [first] = found.containers;
    const facts = first === undefined ? undefined : await parts.containers(first);
    const host = parts.credentials();
    const { name: workload, labels } = describeWorkload(host.workload, found, facts);
    let addresses: readonly LocalAddress[] = [];
    const refresh = async () => {
      const pid = await processIn(folder);
      if (pid !== undefined) addresses = await observeAddressesOf(pid);
    };
    await refresh();
    await mkdir(places.stateDir, { recursive: true, mode: 0o700 });
    const stored = await loadCredentials(places.stateDir, null).catch(() => null);
    if (stored === null || stored.workload !== workload) {
      const texts = addresses.map(({ text }) => text);
      const credentials = await enrolCarried(host, { workload, labels, addresses: texts, version: VERSION });
      await saveCredentials(places.stateDir, credentials);
    }
    const timer = setInterval(() => void refresh(), ADDRESSES_EVERY_MS);
    try {
      log.info(`carrying \`${workload}\``);
      const { onReady: _hosts, tokenFile: _token, containers: _nested, ...shared } = options;
      await parts.run({
        ...shared,
        ...places,
        cgroup: folder,
        workload,
        labels,
        addresses: () => addresses,
        hostScope: cgroups.scope,
        // A SYN has room for one proof, and the host's programs see it too.
        proof: false,
        netns: async () => {
          const pid = await processIn(folder);
          return pid === undefined ? undefined : `/proc/${pid}/ns/net`;
        },
        signal,
      });
    } finally {
      clearInterval(timer);
    }
  }

  function start(found: FoundContainer): void {
    const stop = new AbortController();
    const key = keyOf(found);
    const done = carry(found, stop.signal)
      .catch((error: unknown) => {
        if (stop.signal.aborted) return;
        failedMs.set(key, performance.now());
        log.error({ err: error }, `the container \`${found.id}\` can't be carried`);
      })
      .finally(() => carried.delete(key));
    carried.set(key, { found, stop, done });
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
  }

  return {
    carries: (container) => [...carried.values()].some(({ found }) => found.containers.includes(container)),
    counts: () => ({ carried: carried.size, notCarried }),
    look: async () => {
      const present = await findContainers(cgroups.mount, cgroups.scope);
      const keys = new Set(present.map(keyOf));
      if (isFirst) await removeStale(present);
      isFirst = false;
      await Promise.all([...carried].filter(([key]) => !keys.has(key)).map(([, one]) => end(one)));
      notCarried = 0;
      for (const found of present) {
        const key = keyOf(found);
        if (carried.has(key)) continue;
        if (carried.size >= CARRIED_MAX) notCarried++;
        else if (performance.now() - (failedMs.get(key) ?? Number.NEGATIVE_INFINITY) > CARRY_RETRY_MS)
          start(found);
      }
      for (const key of failedMs.keys()) if (!keys.has(key)) failedMs.delete(key);
    },
    stop: async () => {
      for (const one of carried.values()) one.stop.abort();
      await Promise.all([...carried.values()].map(({ done }) => done));
    },
  };
}
