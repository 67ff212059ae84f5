import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createGate } from "./gate.ts";

test("no more than the limit run together, all run, in order, also after a failure", async () => {
  const gate = createGate(3);
  let running = 0;
  let most = 0;
  const begun: number[] = [];
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) =>
      gate(async () => {
        begun.push(i);
        most = Math.max(most, ++running);
        await sleep(i % 3);
        running--;
        if (i === 5) throw new Error("five");
        return i;
      }),
    ),
  );
  expect(most).toBe(3);
  expect(begun).toEqual([...begun].sort((a, b) => a - b));
  expect(results.filter(({ status }) => status === "rejected")).toHaveLength(1);
  expect(await gate(async () => "still open")).toBe("still open");
});
