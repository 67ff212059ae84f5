import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { sql } from "kysely";
import pg from "pg";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { ControllerStartError } from "../../start-error.ts";
import { openState, type StateOptions, type StateStore } from "./open.ts";
import { type Cluster, startCluster } from "./postgres/cluster.ts";

let folder: string;
let cluster: Cluster;
let state: StateStore;
let taken: ControllerStartError[];
let broken: string[];
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ringwall-lock-"));
  chmodSync(folder, 0o711);
  cluster = await startCluster(folder, () => undefined);
  taken = [];
  broken = [];
  state = await open();
});
afterEach(async () => {
  await state.close();
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

const open = (options?: StateOptions) =>
  openState(
    { kind: "socket", dir: cluster.socketDir, user: "ringwall", database: "postgres" },
    (error) => broken.push(error.message),
    { onTaken: (why) => taken.push(why), ...options },
  );

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ host: cluster.socketDir, user: "ringwall", database: "postgres" });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

const HOLDER = "FROM pg_locks WHERE locktype = 'advisory' AND granted";

/** Process of the session that holds the lock; 0: nobody does, or the server is away. */
async function holder(): Promise<number> {
  const client = await connect().catch(() => null);
  const found = await client?.query<{ pid: number }>(`SELECT pid ${HOLDER}`).catch(() => null);
  await client?.end();
  return found?.rows[0]?.pid ?? 0;
}

/** Whether SIGTERM awaits the process, which is stopped. */
function isTerminated(pid: number): boolean {
  const [, pending] = /^ShdPnd:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return ((BigInt(`0x${pending}`) >> BigInt(constants.signals.SIGTERM - 1)) & 1n) === 1n;
}

/** The lock is held again, by another session than before. */
async function retaken(before: number): Promise<void> {
  await expect.poll(holder).toSatisfy((pid) => pid !== 0 && pid !== before);
  await expect(open()).rejects.toMatchObject({ code: "database-in-use" });
  expect((await sql<{ one: number }>`SELECT 1 AS one`.execute(state.db)).rows).toEqual([{ one: 1 }]);
  expect(taken).toEqual([]);
}

it("takes the lock again when the session that held it is ended", async () => {
  const before = await holder();
  process.kill(before, "SIGTERM");
  await retaken(before);
});

it("takes the lock again once the server is back", async () => {
  const before = await holder();
  process.kill(cluster.pid() ?? 0, "SIGKILL");
  await retaken(before);
});

it("takes the lock again from a session of its own that hangs", async () => {
  await state.close();
  state = await open({ silenceMsMax: 4_000 });
  const before = await holder();
  process.kill(before, "SIGSTOP");
  await expect.poll(() => broken).toContain("PostgreSQL has said nothing for 4 s");
  await expect.poll(() => isTerminated(before)).toBe(true);
  process.kill(before, "SIGCONT");
  await retaken(before);
});

it("says that another controller has the lock by then, and asks the database nothing more", async () => {
  const other = await connect();
  await other.query(`SELECT pg_terminate_backend(pid), pg_advisory_lock(objid::int8) ${HOLDER}`);
  await expect.poll(() => taken).toMatchObject([{ code: "database-taken" }]);
  await expect(sql`SELECT 1`.execute(state.db)).rejects.toMatchObject({ code: "database-taken" });
  await other.end();
});

it("is free as soon as it was closed", async () => {
  await state.close();
  state = await open();
});
