import { formatResources } from "@ringwall/policy";
import { afterAll, beforeAll, expect, it } from "vitest";
import { saveDraft } from "../store/state/revisions.ts";
import { segmentOf } from "../testing/resources.ts";
import { startTestState, type TestState } from "../testing/test-state.ts";
import { parseDraft } from "./draft.ts";
import { createDraftReader } from "./draft-reader.ts";
import { type Asker, createAsker } from "./worker/ask.ts";
import { ANSWERED_HERE_LENGTH_MAX, createPolicyAsker } from "./worker/policies.ts";

let state: TestState;
beforeAll(async () => {
  state = await startTestState();
});
afterAll(() => state.remove());

const small = [{ file: "a.yaml", text: formatResources([segmentOf("web")]) }];
const large = (end: string) => {
  const padding = `# ${"-".repeat(100)}\n`.repeat(ANSWERED_HERE_LENGTH_MAX / 100);
  return [...small, { file: "b.yaml", text: `${padding}${end}` }];
};

/** A reader that counts what it asks of another thread. */
function open(ask: Asker = createAsker()) {
  let asked = 0;
  const counting: Asker = (question) => {
    asked += 1;
    return ask(question);
  };
  return { ...createDraftReader(state.db, createPolicyAsker(counting)), asked: () => asked };
}

it("a draft that takes long is parsed on a thread of its own, once from the request to the status", async () => {
  const reader = open();
  await saveDraft(state.db, small, 0);
  await reader.load();
  expect(reader.asked()).toBe(0);
  const files = large(formatResources([segmentOf("db")]));
  const parsed = await Promise.all([reader.parse(files), reader.parse(files)]);
  expect(parsed[0]).toEqual(parseDraft(files));
  await saveDraft(state.db, files, 0);
  const { parsed: loaded } = await reader.load();
  expect(loaded.ok && loaded.value.map((one) => one.metadata.name)).toEqual(["db", "web"]);
  expect(await reader.differsFrom([segmentOf("web"), segmentOf("db")])).toBe(false);
  // Another text in between, as a request that is refused.
  await reader.parse(small);
  await reader.parse(files);
  expect(reader.asked()).toBe(1);
});

it("what is wrong with a large draft is told with its places", async () => {
  const files = large("kind: Nothing\n");
  const parsed = await open().parse(files);
  expect(parsed).toEqual(parseDraft(files));
  expect(!parsed.ok && parsed.error.problems?.[0]?.place?.file).toBe("b.yaml");
});

it("a thread that ended without an answer is not what the draft says", async () => {
  const ask = createAsker();
  let fails = true;
  const reader = open((question) => {
    if (!fails) return ask(question);
    fails = false;
    return Promise.reject(new Error("ended"));
  });
  const files = large("");
  await expect(reader.parse(files)).rejects.toThrow("ended");
  expect((await reader.parse(files)).ok).toBe(true);
});
