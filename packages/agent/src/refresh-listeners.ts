import { type KnownListener, observeListeners } from "./observe/listeners.ts";
import type { Agent } from "./wire.ts";

/** Tells the kernel whose the listeners are that it did not see begin, the host's and those of all it carries. */
export async function refreshListeners(agent: Agent): Promise<readonly KnownListener[]> {
  const { kernel, identifier } = agent;
  const records = new Map(kernel.readTasks().map((record) => [record.tgid, record]));
  const workloadOf = (tgid: number) => kernel.carrying.workloadOf(records.get(tgid)?.cgroupId ?? 0n);
  const known: KnownListener[] = [];
  for (const listener of await observeListeners(records.keys(), workloadOf)) {
    const { proto, port, tgid, workload } = listener;
    const process = identifier.processOf(tgid, records.get(tgid)?.uid ?? 0);
    // Losing information never widens: a port that two namespaces use is nobody's.
    if (listener.ambiguous) kernel.deleteListener(proto, port, workload);
    else if (process !== undefined) kernel.setListener(proto, port, process, workload);
    known.push({ ...listener, identity: process === undefined ? undefined : identifier.identityOf(process) });
  }
  return known;
}
