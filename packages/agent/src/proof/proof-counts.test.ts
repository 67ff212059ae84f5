import { expect, test } from "vitest";
import type { ProofCount } from "../kernel/proof.ts";
import { createCountReader } from "./proof-counts.ts";

const count = (last: number, sent: bigint): ProofCount => ({
  address: Uint8Array.of(10, last),
  sent,
  proved: 0n,
  missing: 0n,
  wrong: 0n,
});

test("tells what each peer's addresses counted since, once, and what an entry made anew counts from 0", () => {
  const read = createCountReader((address) => (address[1] === 9 ? undefined : "db"));
  const first = [count(1, 3n), count(2, 4n), count(9, 1n)];
  const told = (counts: readonly ProofCount[]) => read(counts).map(({ peer, sent }) => [peer, sent]);
  expect(told(first)).toEqual([["db", 7n]]);
  expect(told(first)).toEqual([]);
  expect(told([...first])).toEqual([]);
  expect(told([count(1, 5n), count(2, 4n)])).toEqual([["db", 2n]]);
  expect(told([])).toEqual([]);
  expect(told([count(1, 1n)])).toEqual([["db", 1n]]);
  expect(told([count(1, 6n)])).toEqual([["db", 5n]]);
});
