import { API_VERSION, type Resource } from "@ringwall/model";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { segmentOf } from "../../testing/resources.ts";
import { startTestState, type TestState } from "../../testing/test-state.ts";
import { countRevisions, insertRevision, loadRevisions } from "./revisions.ts";

let state: TestState;
beforeAll(async () => {
  state = await startTestState();
});
afterAll(() => state.remove());

const segment = (number: number) => segmentOf(`s-${number}`, { role: "x".repeat(60) });
const policy = (number: number): Resource => ({
  apiVersion: API_VERSION,
  kind: "Policy",
  metadata: { name: `p-${number}` },
  spec: { rules: [1, 2].map((one) => ({ name: `rule-${one}`, deny: {} })) },
});

it("lists revisions with what they hold counted, and reads nothing of what they hold", async () => {
  const numbers = Array.from({ length: 200 }, (_, number) => number);
  const resources = [...numbers.map(segment), ...numbers.slice(0, 3).map(policy)];
  const revision = { author: "test", note: "n", what: "provision", state: "live", resources } as const;
  for (const generation of [1, 2, 3]) await insertRevision(state.db, { ...revision, generation });
  let listed: Awaited<ReturnType<typeof loadRevisions>> = [];
  const bytes = await state.bytesRead(async () => {
    listed = await loadRevisions(state.db, 1_000);
  });
  expect(listed.map((one) => [one.revision, one.state, one.segments, one.rules])).toEqual([
    [3, "live", 200, 6],
    [2, "superseded", 200, 6],
    [1, "superseded", 200, 6],
    [0, "superseded", 0, 0],
  ]);
  expect(bytes / listed.length).toBeLessThan(300);
});

it("counts, some at a time, what revisions hold that an earlier version has stored", async () => {
  const resources = [segment(1), policy(1)];
  const revision = { author: "test", note: "n", what: "provision", state: "live", resources } as const;
  for (let generation = 4; generation < 50; generation++)
    await insertRevision(state.db, { ...revision, generation });
  const before = await loadRevisions(state.db, 1_000);
  await sql`UPDATE revisions SET segments = NULL, rules = NULL`.execute(state.db);
  await countRevisions(state.db);
  expect(await loadRevisions(state.db, 1_000)).toEqual(before);
});
