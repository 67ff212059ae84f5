import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openState, type StateOptions, type StateStore } from "./open.ts";
import { type Cluster, startCluster } from "./postgres/cluster.ts";

let folder: string;
let cluster: Cluster;
let state: StateStore | null;
/** Processes of the server that are stopped. */
let stopped: number[];
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ringwall-state-"));
  chmodSync(folder, 0o711);
  cluster = await startCluster(folder, () => undefined);
  state = null;
  stopped = [];
});
afterEach(async () => {
  thaw();
  await state?.close();
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function open(options?: StateOptions): Promise<StateStore> {
  const where = { kind: "socket", dir: cluster.socketDir, user: "ringwall", database: "postgres" } as const;
  state = await openState(where, () => undefined, options);
  return state;
}

/** Stops every process of the server, as `docker pause` does: connections stay open, and nothing answers. */
function freeze(): void {
  const server = cluster.pid() ?? 0;
  process.kill(server, "SIGSTOP");
  const sessions = readFileSync(`/proc/${server}/task/${server}/children`, "utf8").trim().split(" ");
  stopped = [server, ...sessions.map(Number)];
  for (const pid of stopped) process.kill(pid, "SIGSTOP");
}

function thaw(): void {
  for (const pid of stopped.splice(0)) process.kill(pid, "SIGCONT");
}

it("a connection that breaks in use fails its transaction, and nothing else", async () => {
  const { db } = await open();
  const broken = db.transaction().execute(async (transaction) => {
    await sql`SELECT pg_terminate_backend(pg_backend_pid())`.execute(transaction);
  });
  await expect(broken).rejects.toThrow();
  const { rows } = await sql<{ one: number }>`SELECT 1 AS one`.execute(db);
  expect(rows).toEqual([{ one: 1 }]);
});

it("a server that hangs fails what is asked of it, and is asked again once it goes on", async () => {
  const { db } = await open({ silenceMsMax: 4_000 });
  const asked = db.transaction().execute(async (transaction) => {
    await sql`SELECT 1`.execute(transaction);
    freeze();
    const answer = sql`SELECT 2`.execute(transaction);
    await expect(answer).rejects.toThrow("PostgreSQL has said nothing for 4 s");
  });
  await expect(asked).rejects.toThrow();
  thaw();
  const answer = async () => (await sql<{ one: number }>`SELECT 1 AS one`.execute(db)).rows;
  await expect.poll(() => answer().catch(() => null)).toEqual([{ one: 1 }]);
});

it("is closed though the server hangs in the middle of a transaction", async () => {
  const { db, close } = await open();
  const frozen = Promise.withResolvers<void>();
  const asked = db.transaction().execute(async (transaction) => {
    await sql`SELECT 1`.execute(transaction);
    freeze();
    const answer = sql`SELECT 2`.execute(transaction);
    frozen.resolve();
    await answer;
  });
  const failed = expect(asked).rejects.toThrow();
  await frozen.promise;
  await close();
  await failed;
});
