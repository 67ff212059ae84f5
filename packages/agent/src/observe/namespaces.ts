import { readlink } from "node:fs/promises";

/** Network namespaces that are looked into; containers beyond that are left alone. */
const NAMESPACES_MAX = 1024;

/** A network namespace, by the path of one process in it, and the processes it has. */
export type Namespace = { readonly path: string; readonly tgids: readonly number[] };

/** The network namespaces of the given processes, our own first. A process may vanish meanwhile. */
export async function namespacesOf(tgids: Iterable<number>): Promise<readonly Namespace[]> {
  const found = new Map<string, { path: string; tgids: number[] }>();
  for (const pid of ["self", ...tgids]) {
    const path = `/proc/${pid}/ns/net`;
    const name = await readlink(path).catch(() => undefined);
    if (name === undefined) continue;
    const known = found.get(name);
    if (known === undefined && found.size === NAMESPACES_MAX) continue;
    const one = known ?? { path, tgids: [] };
    if (typeof pid === "number") one.tgids.push(pid);
    found.set(name, one);
  }
  return [...found.values()];
}
