/** The draft is replaced while others write it, on a real PostgreSQL. */
import { formatResources } from "@ringwall/policy";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { UserServices } from "../api/users/services.ts";
import { createDraftReader } from "../jobs/draft-reader.ts";
import { createAsker } from "../jobs/worker/ask.ts";
import { createPolicyAsker } from "../jobs/worker/policies.ts";
import { loadAudit } from "../store/state/audit.ts";
import { loadDraft, saveDraft } from "../store/state/revisions.ts";
import { segmentOf } from "../testing/resources.ts";
import { startTestState, type TestState } from "../testing/test-state.ts";
import { createDraftServices } from "./drafts.ts";
import type { UserServicesParts } from "./parts.ts";

const ACTOR = { name: "test" } as Parameters<UserServices["replaceDraft"]>[1];
let state: TestState;
beforeAll(async () => {
  state = await startTestState();
});
afterAll(() => state?.remove());

const filesOf = (...names: string[]) => [
  { file: "a.yaml", text: formatResources(names.map((name) => segmentOf(name))) },
];

it("a draft is replaced on what is there by then, and is not held while any is parsed", async () => {
  const reader = createDraftReader(state.db, createPolicyAsker(createAsker()));
  let loads = 0;
  const drafts: typeof reader = {
    ...reader,
    async load() {
      const loaded = await reader.load();
      loads += 1;
      if (loads < 3) await saveDraft(state.db, filesOf(`theirs-${loads}`), 0);
      return loaded;
    },
    async parse(files) {
      await state.db.selectFrom("draft").select("based_on").forUpdate().noWait().executeTakeFirstOrThrow();
      return reader.parse(files);
    },
  };
  const changes = { live: () => ({ revision: 1, resources: [] }) };
  // To replace a draft asks for nothing else.
  const parts = { db: state.db, drafts, changes, onChange: () => undefined } as unknown as UserServicesParts;
  await saveDraft(state.db, filesOf("first"), 0);
  const replaced = await createDraftServices(parts).replaceDraft({ files: filesOf("ours") }, ACTOR);
  expect(replaced.ok).toBe(true);
  expect((await loadDraft(state.db)).files).toEqual(filesOf("ours"));
  const [last] = await loadAudit(state.db, 1);
  expect(last?.details).toMatchObject({ added: ["Segment/ours"], removed: ["Segment/theirs-2"] });
});
