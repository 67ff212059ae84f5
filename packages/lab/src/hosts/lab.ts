import path from "node:path";
import { type HostName, hostNames, hosts } from "../topology.ts";
import { destroyCgroup, labRoot, makeCgroup } from "./cgroup.ts";
import type { LabHost } from "./host.ts";
import { removeRootIfEmpty, runName, sweepLeftovers } from "./leftovers.ts";
import { connectHosts, makeHost } from "./namespace.ts";
import { Way } from "./way.ts";

/** The machines of one run. */
export type Lab = {
  readonly run: string;
  readonly host: (name: HostName) => LabHost;
  /** What every packet between hosts goes through. */
  readonly way: Way;
  /** Ends every process of the run and removes everything it made; may be called twice. */
  readonly close: () => Promise<void>;
};

export async function openLab(
  names: readonly HostName[] = hostNames,
): Promise<{ readonly lab: Lab; readonly swept: readonly string[] }> {
  const swept = await sweepLeftovers();
  const root = labRoot();
  const run = runName();
  const cgroup = path.join(root, run);
  const made: LabHost[] = [];
  const close = async () => {
    for (const host of made) host.close();
    await destroyCgroup(cgroup);
    removeRootIfEmpty(root);
  };
  makeCgroup(cgroup);
  try {
    made.push(...(await Promise.all(names.map((name) => makeHost(hosts[name], cgroup)))));
    const way = new Way(await connectHosts(made, cgroup));
    const byName = new Map(made.map((host) => [host.name, host]));
    return { lab: { run, host: (name) => known(byName, name), way, close }, swept };
  } catch (error) {
    await close();
    throw error;
  }
}

function known(byName: ReadonlyMap<HostName, LabHost>, name: HostName): LabHost {
  const host = byName.get(name);
  if (host === undefined) throw new Error(`the lab has no host ${name}`);
  return host;
}
