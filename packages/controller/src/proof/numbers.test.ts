import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ProcessIdentity } from "@ringwall/model";
import { PROOF_NUMBER_MAX } from "@ringwall/protocol/agent";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { openState, type StateStore } from "../store/state/open.ts";
import { type Cluster, startCluster } from "../store/state/postgres/cluster.ts";
import { loadNumbers } from "./numbers.ts";

let folder: string;
let cluster: Cluster;
let state: StateStore;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ringwall-numbers-"));
  chmodSync(folder, 0o711);
  cluster = await startCluster(folder, () => undefined);
  const where = { kind: "socket", dir: cluster.socketDir, user: "ringwall", database: "postgres" } as const;
  state = await openState(where, () => undefined);
});
afterEach(() => state.db.deleteFrom("identities").execute());
afterAll(async () => {
  await state.close();
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

const START = Date.parse("2026-11-22T12:00:00Z");
const CYCLE_MS = PROOF_NUMBER_MAX * 125;
const numbersAt = (nowMs: number) =>
  loadNumbers({ db: state.db, nowMs: () => nowMs, onNew: () => undefined });
const programs = (...names: string[]): ProcessIdentity[] =>
  names.map((name) => ({
    exe: `/usr/bin/${name}`,
    exeSha256: null,
    script: null,
    scriptSha256: null,
    unattributable: null,
    user: "root",
    unit: null,
    container: null,
    image: null,
    package: null,
    evidence: null,
    environment: [],
  }));

it("each start begins behind what an earlier one can have given out, whatever the database knows of that", async () => {
  const [first = 0] = await (await numbersAt(START)).assign("web-1", programs("a"));
  const [second = 0] = await (await numbersAt(START + 60_000)).assign("web-1", programs("b"));
  expect(second).toBe(first + 480);
});

it("begins again at 1 after the highest, past what is taken, and tells the newest first", async () => {
  const end = START - (START % CYCLE_MS) + CYCLE_MS;
  const early = await (await numbersAt(end + 125)).assign("web-1", programs("a", "b"));
  expect(early).toEqual([2, 3]);
  const numbers = await numbersAt(end - 125);
  const names = programs("c", "d", "e");
  expect(await numbers.assign("web-1", names)).toEqual([PROOF_NUMBER_MAX, 1, 4]);
  for (const one of [numbers, await numbersAt(START)]) expect([...one.newest()].slice(-2)).toEqual([3, 2]);
});
