import { type KnownListener, observeListeners } from "./observe/listeners.ts";
import type { Agent } from "./wire.ts";

/** Tells the kernel whose the listeners are that it did not see begin. */
export async function refreshListeners(agent: Agent): Promise<readonly KnownListener[]> {
  const { kernel, identifier } = agent;
  const records = kernel.readTasks() ?? [];
  const users = new Map(records.map((record) => [record.tgid, record.uid]));
  const known: KnownListener[] = [];
  for (const listener of await observeListeners(users.keys())) {
    const { proto, port, tgid } = listener;
    const process = identifier.processOf(tgid, users.get(tgid) ?? 0);
    // Losing information never widens: a port that two namespaces use is nobody's.
    if (listener.ambiguous) kernel.deleteListener(proto, port);
    else if (process !== undefined) kernel.setListener(proto, port, process);
    known.push({ ...listener, identity: process === undefined ? undefined : identifier.identityOf(process) });
  }
  return known;
}
