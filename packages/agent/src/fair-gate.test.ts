import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createFairGate } from "./fair-gate.ts";

/** Work that is begun where the gate lets it, and goes on until it is ended; `a1` is of the tenant `a` and its user 1. */
function createWork(jobsMax: number, waitingMax = 1000) {
  const gate = createFairGate(jobsMax, waitingMax);
  const running: { readonly name: string; readonly end: () => void }[] = [];
  const left: string[] = [];
  const all: Promise<void>[] = [];
  const add = (name: string) => {
    const work = () => new Promise<true>((end) => running.push({ name, end: () => end(true) }));
    const owner = { tenant: name.slice(0, 1), user: Number(name.slice(1, 2)) };
    all.push(
      gate(owner, work).then((ran) => {
        if (ran === undefined) left.push(name);
      }),
    );
  };
  return {
    add: (names: string) => names.split(" ").forEach(add),
    names: async () => {
      await turn();
      return running.map(({ name }) => name).join(" ");
    },
    /** What gave way. */
    left: async () => {
      await turn();
      return left.join(" ");
    },
    end: async (name: string) => {
      const at = running.findIndex((one) => one.name === name);
      running.splice(at, 1)[0]?.end();
      await turn();
    },
    all,
  };
}

test("a tenant has no more under way than are left for the others, whoever came first", async () => {
  const work = createWork(8);
  work.add("a1 a1 a1 a1 a2 a2 a3 a4 a5 a6 b1 b1 b1 b1 c1");
  expect(await work.names()).toBe("a1 a1 a1 a2 b1 b1 c1");
});

test("nor has one of its users more than are left for its others", async () => {
  const work = createWork(12);
  work.add("a1 a1 a1 a1 a1 a1 a1 a1 a2 a2 a3 b1");
  expect(await work.names()).toBe("a1 a1 a1 a1 a2 a2 b1");
});

test("tenants take turns for what becomes free, and so do their users, and all get through", async () => {
  const work = createWork(2);
  work.add("a1 a1 a1 a2 b1 c1");
  expect(await work.names()).toBe("a1 b1");
  await work.end("a1");
  expect(await work.names()).toBe("b1 a1");
  await work.end("b1");
  expect(await work.names()).toBe("a1 c1");
  await work.end("a1");
  expect(await work.names()).toBe("c1 a2");
  for (const name of ["c1", "a2", "a1", "a1"]) await work.end(name);
  await Promise.all(work.all);
});

test("where too many wait, the first of the line that has most gives way, and nobody of others", async () => {
  const work = createWork(2, 12);
  work.add("b1 c1 c1x b1x");
  const flood = Array.from({ length: 50 }, (_, i) => `a1-${i}`);
  for (const name of flood) work.add(name);
  const gaveWay = (await work.left()).split(" ");
  expect(gaveWay.length).toBeGreaterThan(40);
  expect(gaveWay).toEqual(flood.slice(0, gaveWay.length));
  work.add("a2 d1 b2");
  expect((await work.left()).split(" ")).toEqual(gaveWay);
});

test("who gives way leaves no place taken, also where he is the only one of his line", async () => {
  const work = createWork(1, 0);
  work.add("a1 a1 b1");
  expect([await work.names(), await work.left()]).toEqual(["a1", "a1 b1"]);
  await work.end("a1");
  work.add("b1");
  expect(await work.names()).toBe("b1");
  await work.end("b1");
  await Promise.all(work.all);
});

test("one whose work fails makes room all the same", async () => {
  const gate = createFairGate(2, 10);
  const owner = { tenant: "", user: 0 };
  const fail = () => gate(owner, () => Promise.reject(new Error("failed")));
  await expect(Promise.all([fail(), fail(), fail()])).rejects.toThrow("failed");
  expect(await gate(owner, async () => "still open")).toBe("still open");
});
