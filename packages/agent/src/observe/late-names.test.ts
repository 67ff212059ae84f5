import { expect, test } from "vitest";
import type { DenialEvent, FlowRecord, ProcessRef } from "../kernel/contract.ts";
import { createLateNames, UNNAMED_MAX } from "./late-names.ts";

const process = (exeId: number): ProcessRef => ({
  ...{ exeId, scriptId: 0, uid: 0, cgroupId: 7n, execNs: 1n, execTgid: exeId, tgid: exeId },
  ...{ pending: true, agent: false, unattributable: false },
});
const where: Pick<FlowRecord, "rule" | "address" | "port" | "proto" | "direction" | "verdict" | "reason"> = {
  ...{ rule: 0, address: new Uint8Array(16).fill(1), port: 53, proto: 17, direction: "out" },
  ...{ verdict: "blocked", reason: "pendingDatagram" },
};
const row = (parts: Partial<FlowRecord> = {}): FlowRecord => ({
  ...{ ...where, identity: 0, state: "denied", level: "address", workload: 0, byHost: false },
  ...{ count: 1n, bytesOut: 0n, bytesIn: 0n, firstNs: 1_000_000_000n, lastNs: 1_000_000_000n },
  ...parts,
});
const denial = (exeId: number, parts: Partial<DenialEvent> = {}): DenialEvent => ({
  ...{ ...where, type: "denial", process: process(exeId), generation: 1n, identity: 0, subject: 0 },
  ...{ peerClass: 0, peerPort: 0, timeNs: 1_000_500_000n, tgid: exeId },
  ...parts,
});
/** Numbers of identities are those of executables, and 100 more. */
const named = () => createLateNames(async ({ exeId }) => exeId + 100);

test("gives a refusal to the program that became known after it", async () => {
  const names = named();
  names.note(denial(5));
  expect(await names.name([row()])).toEqual([row({ identity: 105 })]);
});

test("splits a row among the programs that it counts, and leaves the rest to nobody", async () => {
  const names = named();
  for (const exeId of [5, 6, 5]) names.note(denial(exeId));
  expect(await names.name([row({ count: 4n })])).toEqual([
    row({ identity: 105, count: 2n }),
    row({ identity: 106, count: 1n }),
    row({ count: 1n }),
  ]);
});

test("never gives a row more refusals than it counts, nor a refusal to two rows", async () => {
  const names = named();
  names.note(denial(5));
  names.note(denial(5));
  const rows = await names.name([row({ count: 1n }), row({ count: 3n, state: "refused" })]);
  expect(rows.map(({ identity, count }) => [identity, count])).toEqual([
    [105, 1n],
    [105, 1n],
    [0, 2n],
  ]);
});

test.each([
  ["another port", { port: 54 }],
  ["another address", { address: new Uint8Array(16) }],
  ["another rule", { rule: 3 }],
  ["another reason", { reason: "defaultDeny" }],
  ["another time", { timeNs: 2_000_000_000n }],
] as const)("leaves alone what was refused with %s", async (_what, parts) => {
  const names = named();
  names.note(denial(5, parts));
  expect(await names.name([row()])).toEqual([row()]);
});

test("leaves known software's rows as they are", async () => {
  const names = named();
  names.note(denial(5));
  expect(await names.name([row({ identity: 9 })])).toEqual([row({ identity: 9 })]);
});

test("waits while it is being found out who it was", async () => {
  let asked = 0;
  const names = createLateNames(async () => (++asked < 3 ? undefined : 42), 60_000);
  names.note(denial(5));
  expect(await names.name([row()])).toEqual([row({ identity: 42 })]);
});

test.each([
  ["nobody will find out", async () => null],
  ["nobody finds out in time", async () => undefined],
  ["looking fails", () => Promise.reject(new Error("EIO"))],
])("tells the row as nobody's where %s", async (_why, idOf) => {
  const names = createLateNames(idOf, 0);
  names.note(denial(5));
  expect(await names.name([row()])).toEqual([row()]);
});

test("keeps a bounded number of refusals", async () => {
  const names = named();
  for (let i = 0; i < UNNAMED_MAX + 5; i++) names.note(denial(5));
  const rows = await names.name([row({ count: BigInt(UNNAMED_MAX) + 5n })]);
  expect(rows.map(({ identity, count }) => [identity, count])).toEqual([
    [105, BigInt(UNNAMED_MAX)],
    [0, 5n],
  ]);
});
