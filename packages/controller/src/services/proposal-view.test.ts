import { expect, it } from "vitest";
import { proposalOf } from "../testing/proposals.ts";
import { viewOf } from "./proposal-view.ts";

it("a large proposal is shown in stretches of work, between which others get through", async () => {
  let isDone = false;
  const shown = viewOf({ ...proposalOf(2_000), madeAt: new Date() }, []).finally(() => {
    isDone = true;
  });
  let turns = 0;
  for (; !isDone; turns += 1) await new Promise(setImmediate);
  expect(turns).toBeGreaterThan(2);
  expect((await shown).rules.map(({ rule }) => rule)).toEqual(
    proposalOf(2_000).report.rules.map(({ rule }) => rule),
  );
});
