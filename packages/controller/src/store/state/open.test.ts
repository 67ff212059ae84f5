import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { sql } from "kysely";
import { expect, it } from "vitest";
import { openState } from "./open.ts";
import { startCluster } from "./postgres/cluster.ts";

it("a connection that breaks in use fails its transaction, and nothing else", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "ringwall-state-"));
  chmodSync(folder, 0o711);
  const cluster = await startCluster(folder, () => undefined);
  const where = { kind: "socket", dir: cluster.socketDir, user: "ringwall", database: "postgres" } as const;
  const state = await openState(where, () => undefined);
  try {
    const broken = state.db.transaction().execute(async (transaction) => {
      await sql`SELECT pg_terminate_backend(pg_backend_pid())`.execute(transaction);
    });
    await expect(broken).rejects.toThrow();
    const { rows } = await sql<{ one: number }>`SELECT 1 AS one`.execute(state.db);
    expect(rows).toEqual([{ one: 1 }]);
  } finally {
    await state.close();
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
