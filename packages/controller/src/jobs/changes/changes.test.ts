/** What is in force follows the hosts and the time, on a real PostgreSQL that dies. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { sql } from "kysely";
import pino from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createHub } from "../../api/agents/hub.ts";
import { loadFleet } from "../../store/state/fleet.ts";
import { openState, type StateStore } from "../../store/state/open.ts";
import { type Cluster, startCluster } from "../../store/state/postgres/cluster.ts";
import { createRollout } from "../rollout.ts";
import { type Changes, createChanges } from "./changes.ts";

let dir: string;
let cluster: Cluster;
let state: StateStore;
beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), "ringwall-changes-"));
  chmodSync(dir, 0o711);
  cluster = await startCluster(dir, () => undefined);
  const { socketDir, user, database } = cluster;
  state = await openState({ kind: "socket", dir: socketDir, user, database }, () => undefined);
});
afterAll(async () => {
  await state?.close();
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** What is in force, and how often hosts have been compiled for it. */
async function open(): Promise<{ readonly changes: Changes; readonly compiled: () => number }> {
  const { db } = state;
  const log = pino({ level: "silent" });
  const hub = createHub(() => undefined);
  let compiled = 0;
  const changes = await createChanges({
    db,
    fleet: await loadFleet(db),
    rollout: await createRollout(db, hub, log, Date.now),
    essential: { controller: { addresses: [], port: 443 }, management: [], resolvers: null },
    log,
    connected: () => 0,
    onChange: () => undefined,
    onRevert: async () => undefined,
    keysAhead: async () => {
      compiled += 1;
    },
  });
  await changes.resume();
  return { changes, compiled: () => compiled };
}

async function untilGone(): Promise<void> {
  process.kill(cluster.pid() ?? 0, "SIGKILL");
  const asks = async () =>
    sql`SELECT 1`.execute(state.db).then(
      () => true,
      () => false,
    );
  while (await asks());
}

it("compiles the hosts once the database is back, where it was away when they had to be", async () => {
  const { changes, compiled } = await open();
  const before = compiled();
  await changes.exclusively(async () => {
    changes.inventoryChanged();
    await untilGone();
  });
  await expect.poll(compiled).toBe(before + 1);
  changes.close();
});
