import { setImmediate } from "node:timers";
import { expect, it } from "vitest";
import { mapInStretches, STRETCH_MS } from "./stretches.ts";

it("others get through between stretches of work, which is done in its order", async () => {
  let others = 0;
  const seen: number[] = [];
  const busy = (item: number) => {
    for (const endMs = performance.now() + STRETCH_MS; performance.now() < endMs; );
    seen.push(others);
    return item * 2;
  };
  const count = () => {
    others += 1;
    if (seen.length < 3) setImmediate(count);
  };
  setImmediate(count);
  expect(await mapInStretches([1, 2, 3], busy)).toEqual([2, 4, 6]);
  expect(seen[0]).toBe(0);
  expect(seen[2]).toBeGreaterThan(0);
});
