import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FLOW_BATCH_ROWS_MAX, FlowBatchSchema } from "@ringwall/protocol/agent";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FlowRecord } from "../kernel/contract.ts";
import { type LocalAddress, localAddressFor, parseAddress } from "./addresses.ts";
import { createFlowBatches, type FlowContext } from "./flow-batch.ts";
import { parseSocketTable } from "./listeners.ts";
import { toProcess } from "./process-message.ts";

const bytesOf = (text: string) => parseAddress(text) ?? new Uint8Array(16);
const local = (text: string, bits: number): LocalAddress => ({ text, bytes: bytesOf(text), bits });
const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("\n", "\u001b[31m", "\ud800", "a\0b", "x".repeat(131_072)),
);
const identity = fc.record({
  exe: hostile,
  exeSha256: fc.constantFrom(null, "a".repeat(64)),
  script: fc.option(hostile),
  scriptSha256: fc.constant(null),
  unattributable: fc.constantFrom(null, "inline" as const),
  user: fc.option(fc.constant("root")),
  unit: fc.option(hostile),
  container: fc.constant(null),
  image: fc.constant(null),
  package: fc.constant(null),
  evidence: fc.constant(null),
  environment: fc.array(hostile, { maxLength: 3 }),
});
const record = fc.record<FlowRecord>({
  identity: fc.nat(5),
  rule: fc.nat(3),
  address: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  port: fc.nat(65_535),
  proto: fc.constantFrom(6, 17),
  direction: fc.constantFrom("out", "in"),
  verdict: fc.constantFrom("allowed", "wouldBlock", "wouldBlockAlert", "blocked"),
  state: fc.constantFrom("attempted", "established", "refused", "timeout", "denied"),
  level: fc.constantFrom("address", "inBand"),
  workload: fc.nat(2),
  byHost: fc.boolean(),
  reason: fc.constantFrom("ruleAllow", "defaultDeny"),
  count: fc.bigInt(0n, 1n << 40n),
  bytesOut: fc.bigInt(0n, 1n << 60n),
  bytesIn: fc.bigInt(0n, 1n << 60n),
  firstNs: fc.bigInt(0n, 1n << 60n),
  lastNs: fc.bigInt(0n, 1n << 60n),
});

function contextOf(parts: Partial<FlowContext> = {}): FlowContext {
  return {
    workload: "web-1",
    generation: 3n,
    processIdentity: () => undefined,
    ruleName: (id) => `rule ${id}`,
    nameOf: () => undefined,
    addresses: [local("192.0.2.1", 120)],
    wallOffsetNs: 0n,
    lost: {},
    ...parts,
  };
}

describe("flow batches", () => {
  test("the name that a resolver gave for a peer goes with what was sent there, and no other row", () => {
    const [sample] = fc.sample(record, { numRuns: 1, seed: 1 });
    if (sample === undefined) throw new Error("no record");
    const [named, unnamed] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
    const rows = [
      { ...sample, address: named, direction: "out" },
      { ...sample, address: named, direction: "in" },
      { ...sample, address: unnamed, direction: "out" },
    ] as const;
    const nameOf = (address: Uint8Array) => (address === named ? "api.example" : undefined);
    const [batch] = createFlowBatches(rows, contextOf({ nameOf }));
    expect(batch).toMatchObject({ names: ["api.example"], peerName: [1, 0, 0] });
  });

  test("columns are of one length, indices point into the dictionaries, and hostile names can be sent", () => {
    fc.assert(
      fc.property(
        fc.array(record),
        fc.array(identity, { minLength: 6, maxLength: 6 }),
        (records, identities) => {
          const context = contextOf({ processIdentity: (id) => (id === 5 ? undefined : identities[id]) });
          const [batch] = createFlowBatches(records, context);
          if (batch === undefined) {
            expect(records).toEqual([]);
            return;
          }
          const again = fromBinary(FlowBatchSchema, toBinary(FlowBatchSchema, batch));
          const columns = [
            again.process,
            again.port,
            again.proto,
            again.direction,
            again.state,
            again.verdict,
            again.alert,
            again.rule,
            again.count,
            again.bytesOut,
            again.bytesIn,
            again.firstMs,
            again.lastMs,
          ];
          for (const column of columns) expect(column).toHaveLength(records.length);
          expect([again.localAddress.length, again.peerAddress.length]).toEqual([
            records.length * 16,
            records.length * 16,
          ]);
          for (const index of again.process) expect(index).toBeLessThanOrEqual(again.processes.length);
          for (const index of again.rule) expect(index).toBeLessThanOrEqual(again.rules.length);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("more rows than one batch may have become several", () => {
    const [row] = fc.sample(record, 1);
    if (row === undefined) throw new Error("no sample");
    const records = Array.from({ length: FLOW_BATCH_ROWS_MAX + 1 }, () => row);
    expect(createFlowBatches(records, contextOf()).map((batch) => batch.port.length)).toEqual([
      FLOW_BATCH_ROWS_MAX,
      1,
    ]);
  });

  test("a process has one dictionary entry, however many rows it has", () => {
    fc.assert(
      fc.property(identity, (who) => {
        expect(toProcess(who).exe?.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe("the local address of a flow", () => {
  const addresses = [
    local("192.0.2.1", 120),
    local("10.0.0.1", 104),
    local("10.1.0.1", 112),
    local("2001:db8::1", 64),
  ];
  test.each([
    ["10.1.2.3", "10.1.0.1"],
    ["10.9.2.3", "10.0.0.1"],
    ["8.8.8.8", "192.0.2.1"],
    ["2001:db8::99", "2001:db8::1"],
    ["2606::1", "2001:db8::1"],
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "::1"],
    ["10.0.0.1", "10.0.0.1"],
  ])("towards %s is %s", (peer, expected) => {
    expect(localAddressFor(bytesOf(peer), addresses)).toEqual(bytesOf(expected));
  });

  test("without any address of the family there is none", () => {
    expect(localAddressFor(bytesOf("8.8.8.8"), [])).toEqual(new Uint8Array(16));
  });
});

test("socket tables are read by state, and any text has an answer", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1D38 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1D39 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 100 0 0 10 0`;
  expect([...parseSocketTable(table, "0A")]).toEqual([{ inode: "4711", port: 0x1d38 }]);
  fc.assert(fc.property(fc.string(), (text) => void [...parseSocketTable(`x\n${text}`, "0A")]));
});
