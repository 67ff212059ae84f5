import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { every, Sooner } from "./periodic.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const fail = (error: unknown) => {
  throw error;
};

test("what is due at whole seconds wakes the process once for all of it, and for nothing once all have stopped", async () => {
  const runs: string[] = [];
  const stops = [every(1000, () => runs.push("a"), fail)];
  await vi.advanceTimersByTimeAsync(400);
  stops.push(every(1000, () => runs.push("b"), fail));
  stops.push(every(3000, () => runs.push("c"), fail));
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(600);
  expect(runs.splice(0)).toEqual(["a", "b"]);
  await vi.advanceTimersByTimeAsync(2000);
  expect(runs.splice(0)).toEqual(["a", "b", "a", "b", "c"]);
  await vi.advanceTimersByTimeAsync(3000);
  expect(runs.filter((one) => one === "c")).toEqual(["c"]);
  await stops[0]?.();
  runs.splice(0);
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toEqual(["b"]);
  await Promise.all(stops.map((stop) => stop()));
  expect(vi.getTimerCount()).toBe(0);
  await vi.advanceTimersByTimeAsync(5000);
  expect(runs).toEqual(["b"]);
});

test("other intervals keep their own time", async () => {
  let runs = 0;
  const stop = every(250, () => runs++, fail);
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toBe(4);
  await stop();
  expect(vi.getTimerCount()).toBe(0);
});

test("a task that asks for it runs sooner, and no more once it was stopped", async () => {
  let runs = 0;
  const stop = every(1000, () => (++runs < 4 ? new Sooner(250) : runs), fail);
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toBe(1);
  await vi.advanceTimersByTimeAsync(750);
  expect(runs).toBe(4);
  await vi.advanceTimersByTimeAsync(249);
  expect(runs).toBe(4);
  await stop();
  const asking = every(
    1000,
    () => {
      runs++;
      return new Sooner(250);
    },
    fail,
  );
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toBe(5);
  await asking();
  await vi.advanceTimersByTimeAsync(5000);
  expect(runs).toBe(5);
});

test("one run at a time; a failed one is told, and the next comes; stopping waits for what is under way", async () => {
  const errors: unknown[] = [];
  let begun = 0;
  let end = () => {};
  const task = () => {
    begun++;
    if (begun === 1) throw new Error("once");
    return new Promise<void>((resolve) => {
      end = resolve;
    });
  };
  const stop = every(1000, task, (error) => errors.push(String(error)));
  await vi.advanceTimersByTimeAsync(4000);
  expect([begun, errors]).toEqual([2, ["Error: once"]]);
  let stopped = false;
  const stopping = stop().then(() => {
    stopped = true;
  });
  await vi.advanceTimersByTimeAsync(1000);
  expect(stopped).toBe(false);
  end();
  await stopping;
  expect(begun).toBe(2);
});
