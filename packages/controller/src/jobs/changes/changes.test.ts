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
import { createRollout, type Rollout } from "../rollout.ts";
import { createAsker } from "../worker/ask.ts";
import { createPolicyAsker } from "../worker/policies.ts";
import { createChanges } from "./changes.ts";

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
async function open() {
  const { db } = state;
  const log = pino({ level: "silent" });
  const rollout = await createRollout(
    db,
    createHub(() => undefined),
    log,
    Date.now,
  );
  let compiled = 0;
  let dies = false;
  const changes = await createChanges({
    db,
    fleet: await loadFleet(db),
    rollout: Object.assign(Object.create(rollout) as Rollout, {
      reload: async () => {
        if (dies) await untilGone();
        dies = false;
        await rollout.reload();
      },
    }),
    essential: { controller: { addresses: [], port: 443 }, management: [], resolvers: null },
    askPolicy: createPolicyAsker(createAsker()),
    log,
    connected: () => 0,
    onChange: () => undefined,
    onRevert: async () => undefined,
    keysAhead: async () => {
      compiled += 1;
    },
  });
  await changes.resume();
  const dieOnceStored = () => {
    dies = true;
  };
  return { changes, compiled: () => compiled, dieOnceStored };
}

const change = (basedOn: number, confirmWithinSeconds: number) => ({
  ...{ resources: [], what: "a test", note: "", author: "test", draft: null, warnings: [] },
  ...{ basedOn, confirmWithinSeconds },
});

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

it("takes back what nobody confirmed, where the database died as soon as it had stored it", async () => {
  const { changes, dieOnceStored } = await open();
  const live = changes.live().revision;
  dieOnceStored();
  // It may be back in time for the answer.
  await changes.apply(change(live, 3)).catch(() => undefined);
  await expect.poll(() => changes.pending()?.what).toBe("a test");
  await expect.poll(() => changes.pending()).toBe(null);
  expect(changes.live().revision).toBe(live);
  changes.close();
});

it("keeps what was confirmed, where the database died as soon as it had stored that", async () => {
  const { changes, dieOnceStored } = await open();
  const applied = await changes.apply(change(changes.live().revision, 3));
  dieOnceStored();
  await changes.confirm("test").catch(() => undefined);
  await expect.poll(() => changes.pending()).toBe(null);
  expect(applied.ok && applied.value.revision).toBe(changes.live().revision);
  await changes.exclusively(async () => undefined);
  expect((await open()).changes.live().revision).toBe(changes.live().revision);
  changes.close();
});
