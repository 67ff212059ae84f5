import { expect, test } from "vitest";
import { createProofClock } from "./proof-clock.ts";

const HOUR_MS = 3_600_000;
const NOON_MS = 1_800_000_000_000;

/** A host that was booted an hour ago. */
function hostAt(nowMs: number, former = 0n, aheadMs = 0) {
  const time = { nowMs, bootMs: HOUR_MS };
  const faults: string[] = [];
  const parts = {
    nowMs: () => time.nowMs,
    bootNs: () => BigInt(time.bootMs) * 1_000_000n,
    onFault: (message: string) => faults.push(message),
  };
  const pass = (ms: number) => {
    time.nowMs += ms;
    time.bootMs += ms;
  };
  return { time, faults, pass, clock: createProofClock(parts, former, aheadMs) };
}

test("goes on with the boot's clock when the host's jumps", () => {
  const { clock, time, pass } = hostAt(NOON_MS);
  time.nowMs += 2 * HOUR_MS;
  pass(1000);
  expect(clock.nowMs()).toBe(NOON_MS + 1000);
});

test("follows the controller as soon as it is heard, and says how far off the host is", () => {
  const { clock, faults, pass } = hostAt(NOON_MS + 180_000);
  clock.heard(BigInt(NOON_MS));
  pass(1000);
  expect(clock.nowMs()).toBe(NOON_MS + 1000);
  expect(clock.aheadMs()).toBe(-180_000);
  expect(faults).toEqual([
    "this host's clock is -180 s off the controller's; proofs follow the controller's",
  ]);
});

test("takes over what an agent before heard, whatever the host's clock says now", () => {
  const offsetNs = BigInt(NOON_MS - HOUR_MS) * 1_000_000n;
  expect(hostAt(NOON_MS + 5 * HOUR_MS, offsetNs).clock.nowMs()).toBe(NOON_MS);
});

test("begins with what is stored of the controller's clock after a boot", () => {
  expect(hostAt(NOON_MS, 0n, -180_000).clock.nowMs()).toBe(NOON_MS - 180_000);
});

test("takes less than a second for the network's delay", () => {
  const { clock, faults } = hostAt(NOON_MS);
  clock.heard(BigInt(NOON_MS - 900));
  expect([clock.aheadMs(), faults]).toEqual([0, []]);
});
