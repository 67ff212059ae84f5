import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createFairGate } from "./fair-gate.ts";

/** Work that is begun where the gate lets it, and goes on until it is ended. */
function createWork(jobsMax: number) {
  const gate = createFairGate(jobsMax);
  const running: { readonly name: string; readonly end: () => void }[] = [];
  const all: Promise<void>[] = [];
  return {
    add: (name: string) => {
      const work = () => new Promise<void>((end) => running.push({ name, end }));
      all.push(gate(name, work));
    },
    names: async () => {
      await turn();
      return running.map(({ name }) => name).join("");
    },
    end: async (name: string) => {
      const at = running.findIndex((one) => one.name === name);
      running.splice(at, 1)[0]?.end();
      await turn();
    },
    all,
  };
}

test("a line has no more under way than are left for the others, whoever came first", async () => {
  const work = createWork(8);
  for (const name of "aaaaaaaaaabbbbbbc") work.add(name);
  expect(await work.names()).toBe("aaaabbc");
});

test("lines take turns for what becomes free, and all get through", async () => {
  const work = createWork(2);
  for (const name of "aaaabc") work.add(name);
  expect(await work.names()).toBe("ab");
  await work.end("a");
  expect(await work.names()).toBe("ba");
  await work.end("b");
  expect(await work.names()).toBe("ac");
  for (const name of "caaa") await work.end(name);
  await Promise.all(work.all);
});

test("one whose work fails makes room all the same", async () => {
  const gate = createFairGate(2);
  const fail = () => gate("a", () => Promise.reject(new Error("failed")));
  await expect(Promise.all([fail(), fail(), fail()])).rejects.toThrow("failed");
  expect(await gate("a", async () => "still open")).toBe("still open");
});
