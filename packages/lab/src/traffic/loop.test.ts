import { describe, expect, it } from "vitest";
import { Counter, total, underWay } from "./counts.ts";
import { Loops } from "./loop.ts";

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("Loops", () => {
  it("has nothing under way once a pause has returned, and goes on after it", async () => {
    const counter = new Counter();
    const loops = new Loops(
      counter,
      ["a", "b", "c"].map((kind) => ({ kind, gapMs: 0, request: nextTurn })),
    );
    await loops.pause();
    const before = total(counter.counts).sent;
    await nextTurn();
    await nextTurn();
    expect(underWay(counter.counts)).toBe(0);
    expect(total(counter.counts).sent).toBe(before);
    loops.resume();
    while (total(counter.counts).ok < before + 10) await nextTurn();
    await loops.stop();
    expect(underWay(counter.counts)).toBe(0);
    expect(total(counter.counts).failed).toBe(0);
  });

  it("waits in a pause for the request that is under way", async () => {
    const counter = new Counter();
    const answer = Promise.withResolvers<void>();
    const loops = new Loops(counter, [{ kind: "slow", gapMs: 0, request: () => answer.promise }]);
    while (underWay(counter.counts) === 0) await nextTurn();
    const paused = loops.pause();
    answer.resolve();
    await paused;
    expect(counter.counts).toEqual({ slow: { sent: 1, ok: 1, failed: 0 } });
    await loops.stop();
  });

  it("counts a request that throws as lost, with its reason", async () => {
    const counter = new Counter();
    const loops = new Loops(counter, [
      { kind: "broken", gapMs: 0, request: () => Promise.reject(new Error("no route")) },
    ]);
    while (total(counter.counts).failed < 3) await nextTurn();
    await loops.stop();
    expect(counter.losses[0]).toMatchObject({ kind: "broken", reason: "no route" });
    expect(total(counter.counts).ok).toBe(0);
  });
});
