import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { decodeFlows } from "../../../ingest/decode-flows.ts";
import { markOf } from "../../../process/proc.ts";
import { flowBatch } from "../../../testing/flow-batches.ts";
import { processesOf } from "../../../testing/processes.ts";
import { openFlowStore } from "../flow-store.ts";
import { migrateFlows } from "../migrate.ts";
import { startChdb } from "./chdb-engine.ts";
import { FlowEngineError } from "./engine.ts";

const SILENCE_MS_MAX = 2_000;

let folder: string;
let engine: Awaited<ReturnType<typeof startChdb>>;
const log: string[] = [];
beforeEach(async () => {
  log.length = 0;
  folder = mkdtempSync(path.join(tmpdir(), "ringwall-chdb-"));
  engine = await startChdb(folder, (message) => log.push(message), SILENCE_MS_MAX);
});
afterEach(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Stops the process, which then says nothing and does not end. */
function hang(): number {
  const pid = engine.pid() ?? 0;
  process.kill(pid, "SIGSTOP");
  return pid;
}

const outcomes = async (asked: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(asked)).map((one) => (one.status === "rejected" ? one.reason : one.value));
const one = () => engine.query<{ one: number }>("SELECT 1 AS one");
const answered = () => expect.poll(() => one().catch((error: Error) => error.message)).toEqual([{ one: 1 }]);

it("a process that hangs is ended: what waits for it fails, and another answers what is asked later", async () => {
  await migrateFlows(engine, 30);
  const hung = hang();
  const asked = [one(), one(), engine.insert("ringwall.exec_reports", ["batch"], Buffer.from("1\n"))];
  const failures = await outcomes(asked);
  expect(failures).toEqual(asked.map(() => expect.any(FlowEngineError)));
  await answered();
  expect([markOf(hung), engine.pid()]).toEqual([null, expect.not.toSatisfy((pid) => pid === hung)]);
  expect(log.slice(0, 2)).toEqual([
    expect.stringContaining("answered nothing for 2 s"),
    expect.stringContaining("started again"),
  ]);
});

it("a process that answers questions and stores nothing any more is ended too", async () => {
  const stuck = outcomes([
    engine.command("SELECT sleepEachRow(1) FROM numbers(25) SETTINGS max_block_size = 1"),
  ]);
  let isStuck = true;
  const ended = stuck.finally(() => {
    isStuck = false;
  });
  while (isStuck) await one().catch(() => undefined);
  expect(await ended).toEqual([expect.any(FlowEngineError)]);
  await answered();
  expect(log[0]).toContain("answered nothing");
});

it("a process that answers is left alone however long requests wait for their turn", async () => {
  const pid = engine.pid();
  const slow = () =>
    engine.query("SELECT sleepEachRow(0.1) AS slept FROM numbers(5) SETTINGS max_block_size = 1");
  expect(await outcomes(Array.from({ length: 10 }, slow))).toEqual(
    Array(10).fill(Array(5).fill({ slept: 0 })),
  );
  expect([engine.pid(), log]).toEqual([pid, []]);
});

it("a batch sent again and again while the process hangs is stored once afterwards", async () => {
  await migrateFlows(engine, 30);
  const store = await openFlowStore(engine);
  const flow = { direction: "outbound", local: "10.1.0.1", peer: "10.1.0.2", port: 443 } as const;
  const batch = decodeFlows(flowBatch("app-1", "again", [flow]), Date.now());
  if (!batch.ok) throw new Error(batch.error);
  hang();
  const send = () => store.storeFlows("app-1", batch.value);
  expect(await outcomes([send(), send(), send()])).toEqual(Array(3).fill(expect.any(FlowEngineError)));
  await answered();
  const kinds = (await Promise.all([send(), send()])).map(({ kind }) => kind);
  expect([kinds.toSorted(), await store.count()]).toEqual([["repeated", "stored"], 1]);
});

it("closing ends a process that hangs, and one that is being started again", async () => {
  const hung = hang();
  const waiting = outcomes([one()]);
  await engine.close();
  expect([markOf(hung), await waiting]).toEqual([null, [expect.any(FlowEngineError)]]);

  engine = await startChdb(folder, (message) => log.push(message), SILENCE_MS_MAX);
  const killed = engine.pid() ?? 0;
  process.kill(killed, "SIGKILL");
  await expect.poll(() => processesOf(folder).filter((pid) => pid !== killed)).toHaveLength(1);
  await engine.close();
  expect(processesOf(folder)).toEqual([]);
});
