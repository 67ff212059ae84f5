import { expect, it } from "vitest";
import { createMutex, createMutexes, createQueue } from "./mutex.ts";

it("runs one piece of work after the other, in the order of asking, whatever fails in between", async () => {
  const oneAtATime = createMutex();
  const order: string[] = [];
  const piece = (name: string) => async () => {
    order.push(`${name} begins`);
    await Promise.resolve();
    order.push(`${name} ends`);
  };
  const failed = oneAtATime(async () => {
    throw new Error("one's own");
  });
  const rest = [oneAtATime(piece("a")), oneAtATime(piece("b"))];
  await expect(failed).rejects.toThrow("one's own");
  await Promise.all(rest);
  expect(order).toEqual(["a begins", "a ends", "b begins", "b ends"]);
});

it("lets nobody wait for another name, and runs one name's work in order", async () => {
  const oneByOne = createMutexes();
  const gate = Promise.withResolvers<string>();
  const first = oneByOne("a", () => gate.promise);
  const order: string[] = [];
  const second = oneByOne("a", async () => order.push("a"));
  await oneByOne("b", async () => order.push("b"));
  gate.reject(new Error("one's own"));
  await expect(first).rejects.toThrow("one's own");
  await second;
  expect(order).toEqual(["b", "a"]);
});

it("takes no work beyond the queue's limit, and takes some again once a piece is done, failed or not", async () => {
  const queue = createQueue(2);
  const gate = Promise.withResolvers<void>();
  const first = queue(() => gate.promise);
  const second = queue(async () => "second");
  expect(first).not.toBeNull();
  expect(second).not.toBeNull();
  expect(queue(async () => "third")).toBeNull();
  gate.reject(new Error("the first fails"));
  await expect(first).rejects.toThrow("the first fails");
  expect(await second).toBe("second");
  expect(await queue(async () => "fourth")).toBe("fourth");
});
