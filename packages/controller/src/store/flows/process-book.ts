import type { ProcessIdentity } from "@ringwall/model";
import type { FlowEngine } from "./engine/engine.ts";
import { identityOf, PROCESS_COLUMNS, type ProcessId, type ProcessRow } from "./process.ts";

/** Identities kept in memory; the ones beyond are read from the store when asked for. */
export const PROCESSES_REMEMBERED_MAX = 500_000;

/** Every process identity the store has, by id. */
export type ProcessBook = {
  has(id: ProcessId): boolean;
  add(id: ProcessId, identity: ProcessIdentity): void;
  get(id: ProcessId): ProcessIdentity | null;
  entries(): Iterable<readonly [ProcessId, ProcessIdentity]>;
};

export async function createProcessBook(engine: FlowEngine): Promise<ProcessBook> {
  const book = new Map<ProcessId, ProcessIdentity>();
  const columns = PROCESS_COLUMNS.map((column) => (column === "id" ? "toString(id) AS id" : column));
  const rows = await engine.query<ProcessRow>(
    `SELECT ${columns.join(", ")} FROM ringwall.processes LIMIT 1 BY id LIMIT ${PROCESSES_REMEMBERED_MAX}`,
  );
  for (const row of rows) book.set(row.id, identityOf(row));
  return {
    has: (id) => book.has(id),
    add: (id, identity) => void book.set(id, identity),
    get: (id) => book.get(id) ?? null,
    entries: () => book.entries(),
  };
}
