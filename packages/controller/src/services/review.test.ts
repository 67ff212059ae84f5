/** A review while others write the draft, on a real PostgreSQL and with a real thread. */
import { formatResources } from "@ringwall/policy";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { UserServices } from "../api/users/services.ts";
import { type Asker, createAsker } from "../jobs/worker/ask.ts";
import { ANSWERED_HERE_LENGTH_MAX } from "../jobs/worker/policies.ts";
import { saveProposal } from "../store/state/proposals.ts";
import { loadDraft, saveDraft } from "../store/state/revisions.ts";
import { policyOf, proposalOf } from "../testing/proposals.ts";
import { startTestState, type TestState } from "../testing/test-state.ts";
import type { UserServicesParts } from "./parts.ts";
import { createReview } from "./review.ts";

const ACTOR = { name: "test" } as Parameters<UserServices["review"]>[1];
const PADDING = `# ${"-".repeat(100)}\n`.repeat(ANSWERED_HERE_LENGTH_MAX / 100);

let state: TestState;
let asked: string[];
/** Happens while the thread is at work. */
let meanwhile: () => Promise<unknown>;
let review: ReturnType<typeof createReview>;

beforeAll(async () => {
  state = await startTestState();
  const thread = createAsker();
  const ask: Asker = async (question) => {
    asked.push(question.kind);
    await meanwhile();
    return thread(question);
  };
  // A review asks for nothing else.
  const parts = { db: state.db, ask, onChange: () => undefined } as unknown as UserServicesParts;
  review = createReview(parts);
});
afterAll(() => state?.remove());
beforeEach(() => {
  asked = [];
  meanwhile = async () => undefined;
});

const propose = (rules: number) => saveProposal(state.db, proposalOf(rules));
const write = (text: string) => saveDraft(state.db, [{ file: "a.yaml", text }], 0);
const draft = async () => (await loadDraft(state.db)).files.map(({ text }) => text).join();
const reject = (...rules: number[]) =>
  review.review(
    { decisions: rules.map((at) => ({ rule: `shop/rule ${at}`, state: "rejected", reason: "no" })) },
    ACTOR,
  );

it("a rejected rule leaves a long draft on a thread, and nobody waits for the draft meanwhile", async () => {
  await propose(3);
  await write(`${PADDING}${formatResources([policyOf(3)])}`);
  let wasFree = false;
  meanwhile = async () => {
    await state.db.selectFrom("draft").select("based_on").forUpdate().noWait().executeTakeFirstOrThrow();
    wasFree = true;
  };
  const done = await reject(1);
  expect(asked).toEqual(["review"]);
  expect(wasFree).toBe(true);
  expect(done.ok && done.value.rules.map((rule) => rule.state)).toEqual(["open", "rejected", "open"]);
  expect(await draft()).toContain("rule 0");
  expect(await draft()).not.toContain("rule 1");
});

it("a short draft is worked on at once, however many rules leave it", async () => {
  await propose(100);
  await write(formatResources([policyOf(101)]));
  expect((await reject(...Array.from({ length: 100 }, (_, at) => at))).ok).toBe(true);
  expect(asked).toEqual([]);
  expect(await draft()).toContain("rule 100");
  expect(await draft()).not.toContain("rule 99");
});

it("what somebody writes into the draft during a review is kept, and the rule leaves it as well", async () => {
  await propose(3);
  const text = formatResources([policyOf(3)]);
  await write(`${PADDING}${text}`);
  let rounds = 0;
  meanwhile = async () => {
    if (++rounds === 1) await write(`# written meanwhile\n${PADDING}${text}`);
  };
  expect((await reject(2)).ok).toBe(true);
  expect(rounds).toBe(2);
  expect(await draft()).toContain("# written meanwhile");
  expect(await draft()).not.toContain("rule 2");
});

it("a review is of what was proposed when it was given, though a rule of the same name is proposed by then", async () => {
  await propose(3);
  await write(`${PADDING}${formatResources([policyOf(3)])}`);
  meanwhile = () => propose(4);
  const refused = await reject(2);
  expect(!refused.ok && refused.error.code).toBe("proposal-changed");
  expect(await draft()).toContain("rule 2");
});
