import type { StoredKeys } from "../store/state/proof.ts";

/** Whether a host offers what it offered before. */
export function sameKeys(a: StoredKeys | undefined, b: StoredKeys): boolean {
  const text = (one: StoredKeys) =>
    JSON.stringify([
      one.mutePorts,
      one.datagrams,
      one.keys.map((key) => [key.generation, key.publicKey.toString("hex")]),
    ]);
  return text(a ?? { keys: [], mutePorts: [], datagrams: false }) === text(b);
}
