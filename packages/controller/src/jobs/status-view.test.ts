import type { Resource } from "@ringwall/model";
import { formatResources } from "@ringwall/policy";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { UserServicesParts } from "../services/parts.ts";
import { saveDraft } from "../store/state/revisions.ts";
import { segmentOf } from "../testing/resources.ts";
import { startTestState, type TestState } from "../testing/test-state.ts";
import { createDraftReader } from "./draft-reader.ts";
import { statusOf } from "./status-view.ts";
import { createAsker } from "./worker/ask.ts";
import { createPolicyAsker } from "./worker/policies.ts";

let state: TestState;
beforeAll(async () => {
  state = await startTestState();
});
afterAll(() => state.remove());

const segment = (number: number, role = "web") => segmentOf(`s-${number}`, { role });
const resources = Array.from({ length: 100 }, (_, number) => segment(number));
const files = (of: readonly Resource[]) => [{ file: "a.yaml", text: formatResources(of) }];

/** Resources that count how often somebody looks at them. */
function watched(of: readonly Resource[]) {
  let looks = 0;
  const live = new Proxy(of, {
    get(target, key, receiver) {
      looks += 1;
      return Reflect.get(target, key, receiver);
    },
  });
  return { live, looks: () => looks };
}

/** All that a status is made of; nobody is enrolled. */
function partsOf(live: () => readonly Resource[]): UserServicesParts {
  const parts = {
    db: state.db,
    drafts: createDraftReader(state.db, createPolicyAsker(createAsker())),
    changes: { live: () => ({ revision: 1, resources: live() }), generation: () => 1, pending: () => null },
    fleet: { all: () => [] },
    flows: { count: async () => 0 },
    hub: { connected: () => [] },
    proofs: { awaited: () => new Map() },
    rollout: {},
    usersUrl: () => "",
  };
  return parts as unknown as UserServicesParts; // a status asks for nothing else
}

it("a status reads neither draft nor revision again while both stay as they are", async () => {
  await saveDraft(state.db, files(resources), 1);
  const { live, looks } = watched(resources);
  const parts = partsOf(() => live);
  expect((await statusOf(parts)).draftChanged).toBe(false);
  const before = looks();
  expect(before).toBeGreaterThan(0);
  const bytes = await state.bytesRead(async () => {
    for (let round = 0; round < 3; round += 1) expect((await statusOf(parts)).draftChanged).toBe(false);
  });
  expect(looks()).toBe(before);
  expect(bytes).toBeLessThan(1_000);
});

it("a status follows the draft and the live revision", async () => {
  let live: readonly Resource[] = resources;
  const parts = partsOf(() => live);
  const changed = async () => (await statusOf(parts)).draftChanged;
  const other = [...resources.slice(1), segment(0, "db")];
  await saveDraft(state.db, files(resources), 1);
  expect(await changed()).toBe(false);
  await saveDraft(state.db, files(other), 1);
  expect(await changed()).toBe(true);
  live = [...other];
  expect(await changed()).toBe(false);
  live = [...resources];
  expect(await changed()).toBe(true);
  await saveDraft(state.db, [{ file: "a.yaml", text: "no: policy" }], 1);
  expect(await changed()).toBe(true);
});
