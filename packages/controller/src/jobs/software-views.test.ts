import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ProcessIdentity } from "@ringwall/model";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startChdb } from "../store/flows/engine/chdb-engine.ts";
import type { FlowEngine } from "../store/flows/engine/engine.ts";
import { type FlowStore, openFlowStore } from "../store/flows/flow-store.ts";
import { migrateFlows } from "../store/flows/migrate.ts";
import { createNamer } from "./software-names.ts";
import { loadSoftware } from "./software-views.ts";

const folder = mkdtempSync(path.join(tmpdir(), "ringwall-software-"));
const HOSTS = 40;
const NOW = Date.now();
let store: FlowStore;
let rows = 0;

beforeAll(async () => {
  const engine = await startChdb(folder, () => undefined);
  await migrateFlows(engine, 30);
  const query = async <Row>(...asked: Parameters<FlowEngine["query"]>): Promise<Row[]> => {
    const found = await engine.query<Row>(...asked);
    rows += found.length;
    return found;
  };
  store = await openFlowStore({ ...engine, query });
  for (let host = 0; host < HOSTS; host += 1) {
    await ran(`host-${host}`, "/usr/bin/curl", host % 2 === 0 ? "root" : "www", NOW - host * 1_000);
  }
  await ran("host-7", "/opt/app", null, NOW - 3_600_000);
});
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ran(workload: string, exe: string, user: string | null, timeMs: number): Promise<void> {
  const process: ProcessIdentity = {
    ...{ exe, user, exeSha256: "a".repeat(64), evidence: "deb-repo", package: "p", environment: [] },
    ...{ script: null, scriptSha256: null, unattributable: null, unit: null, container: null, image: null },
  };
  const reports = [{ process, parentExe: "", timeMs, denial: null }];
  await store.storeExecs(workload, { batchId: `${workload} ${exe}`, reports, tamperings: [] });
}

const time = (ms: number) => new Date(ms).toISOString();

it("lists each program once, with everywhere and everybody it was seen with, a row for each of them", async () => {
  rows = 0;
  const { software, truncated } = await loadSoftware(store, createNamer([]));
  expect(rows).toBe(2);
  expect(truncated).toBe(false);
  expect(software.map((one) => one.name)).toEqual(["app", "curl"]);
  expect(software[0]).toMatchObject({ users: [], workloads: ["host-7"], provenance: "signed" });
  expect(software[1]).toMatchObject({
    users: ["root", "www"],
    workloads: Array.from({ length: HOSTS }, (_, host) => `host-${host}`).sort(),
    firstSeen: time(NOW - (HOSTS - 1) * 1_000),
    lastSeen: time(NOW),
  });
});

it("keeps to its limits, with what was seen last, and says that there is more", async () => {
  const fewPrograms = await loadSoftware(store, createNamer([]), { programs: 1, sightings: 100 });
  expect(fewPrograms.software.map((one) => one.name)).toEqual(["curl"]);
  expect(fewPrograms.truncated).toBe(true);
  const fewSightings = await loadSoftware(store, createNamer([]), { programs: 10, sightings: 2 });
  expect(fewSightings.software.map((one) => one.workloads)).toEqual([["host-0", "host-1"]]);
  expect(fewSightings.truncated).toBe(true);
  const exactly = await loadSoftware(store, createNamer([]), { programs: 2, sightings: HOSTS + 1 });
  expect([exactly.software.length, exactly.truncated]).toEqual([2, false]);
});
