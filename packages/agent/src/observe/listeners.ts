import { readdir, readFile, readlink } from "node:fs/promises";
import type { ProcessIdentity } from "@ringwall/model";

/** A listening TCP socket, or a bound UDP one, and a process that has it open. */
export type ObservedListener = {
  readonly proto: 6 | 17;
  readonly port: number;
  readonly tgid: number;
  /** Whose process it is: 0 the host's, else a workload that it carries. */
  readonly workload: number;
  /**
   * Another network namespace of the same workload has a listener on the same port: the kernel's table, which knows
   * workloads and ports only, must not hold either.
   */
  readonly ambiguous: boolean;
};

/** A listener with whoever has it, where that is known. */
export type KnownListener = ObservedListener & { readonly identity: ProcessIdentity | undefined };

/** Open files of one process that are looked at; a process with more shows only these. */
export const DESCRIPTORS_MAX = 65_536;
const TCP_LISTEN = "0A";
const UDP_UNCONNECTED = "07";

/** The listeners of the given processes, each in its own network namespace. A process may vanish meanwhile. */
export async function observeListeners(
  tgids: Iterable<number>,
  workloadOf: (tgid: number) => number = () => 0,
): Promise<ObservedListener[]> {
  const tables = new Map<string, Promise<Map<string, { proto: 6 | 17; port: number }>>>();
  const found = new Map<string, Omit<ObservedListener, "ambiguous">>();
  const namespaces = new Map<string, Set<string>>();
  for (const tgid of tgids) {
    const namespace = await readlink(`/proc/${tgid}/ns/net`).catch(() => undefined);
    if (namespace === undefined) continue;
    let table = tables.get(namespace);
    if (table === undefined) {
      table = readTables(tgid);
      tables.set(namespace, table);
    }
    const sockets = await table;
    const workload = workloadOf(tgid);
    for (const inode of await socketsOf(tgid)) {
      const socket = sockets.get(inode);
      if (socket === undefined) continue;
      const key = keyOf({ ...socket, workload });
      namespaces.set(key, (namespaces.get(key) ?? new Set()).add(namespace));
      // The first process has it: the master before its workers, which come later and have higher numbers.
      const place = `${namespace} ${key}`;
      const known = found.get(place);
      if (known === undefined || tgid < known.tgid) found.set(place, { ...socket, tgid, workload });
    }
  }
  return [...found.values()]
    .map((one) => ({ ...one, ambiguous: (namespaces.get(keyOf(one))?.size ?? 0) > 1 }))
    .sort((a, b) => a.proto - b.proto || a.port - b.port || a.tgid - b.tgid);
}

function keyOf({ workload, proto, port }: Pick<ObservedListener, "workload" | "proto" | "port">): string {
  return `${workload}/${proto}/${port}`;
}

/** Inodes of the sockets that a process has open. */
export async function socketsOf(tgid: number): Promise<string[]> {
  const names = await readdir(`/proc/${tgid}/fd`).catch(() => []);
  const inodes: string[] = [];
  for (const name of names.slice(0, DESCRIPTORS_MAX)) {
    const target = await readlink(`/proc/${tgid}/fd/${name}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.push(inode);
  }
  return inodes;
}

async function readTables(tgid: number): Promise<Map<string, { proto: 6 | 17; port: number }>> {
  const sockets = new Map<string, { proto: 6 | 17; port: number }>();
  for (const [name, proto, state] of [
    ["tcp", 6, TCP_LISTEN],
    ["tcp6", 6, TCP_LISTEN],
    ["udp", 17, UDP_UNCONNECTED],
    ["udp6", 17, UDP_UNCONNECTED],
  ] as const) {
    const text = await readFile(`/proc/${tgid}/net/${name}`, "utf8").catch(() => "");
    for (const { inode, port } of parseSocketTable(text, state)) sockets.set(inode, { proto, port });
  }
  return sockets;
}

/** proc_net_tcp: `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`, ports in hexadecimal. */
export function* parseSocketTable(text: string, state: string): Generator<{ inode: string; port: number }> {
  for (const line of text.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const port = Number.parseInt(fields[1]?.split(":")[1] ?? "", 16);
    const inode = fields[9];
    if (fields[3] === state && inode !== undefined && inode !== "0" && Number.isInteger(port))
      yield { inode, port };
  }
}
