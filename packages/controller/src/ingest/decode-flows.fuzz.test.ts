import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FlowBatchSchema, Level, ProcessSchema } from "@ringwall/protocol/agent";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { flowBatch, type TestFlow } from "../testing/flow-batches.ts";
import { decodeFlows } from "./decode-flows.ts";
import { decodeProcess } from "./process.ts";

const NOW_MS = Date.parse("2026-11-21T03:00:00Z");
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6().filter((text) => !/::ffff:|\d+\.\d+/i.test(text)),
);
const testFlow: fc.Arbitrary<TestFlow> = fc.record({
  direction: fc.constantFrom("outbound", "inbound"),
  local: address,
  peer: address,
  port: fc.integer({ min: 0, max: 65_535 }),
  exe: fc.string({ unit: "binary", maxLength: 40 }).map((text) => `/${text.replaceAll("\0", "")}`),
  rule: fc.string({ unit: "binary", minLength: 1, maxLength: 40 }).filter((text) => !text.includes("\0")),
  count: fc.nat(),
  lastMs: fc.integer({ min: 10, max: NOW_MS }),
});

/** Every column of a batch, each filled without regard to the others. */
const hostileBatch = fc
  .record({
    batchId: fc.string({ maxLength: 200 }),
    rules: fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
    process: fc.array(fc.nat({ max: 9 }), { maxLength: 4 }),
    localAddress: fc.uint8Array({ maxLength: 64 }),
    peerAddress: fc.uint8Array({ maxLength: 64 }),
    port: fc.array(fc.nat({ max: 0xffff_ffff }), { maxLength: 4 }),
    proto: fc.array(fc.constantFrom(0, 1, 6, 17, 58, 132, 255, 0xffff_ffff), { maxLength: 4 }),
    direction: fc.array(fc.nat({ max: 5 }), { maxLength: 4 }),
    state: fc.array(fc.nat({ max: 9 }), { maxLength: 4 }),
    verdict: fc.array(fc.nat({ max: 9 }), { maxLength: 4 }),
    alert: fc.array(fc.boolean(), { maxLength: 4 }),
    level: fc.array(fc.nat({ max: 5 }), { maxLength: 4 }),
    rule: fc.array(fc.nat({ max: 9 }), { maxLength: 4 }),
    count: fc.array(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), { maxLength: 4 }),
    bytesOut: fc.array(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), { maxLength: 4 }),
    bytesIn: fc.array(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), { maxLength: 4 }),
    firstMs: fc.array(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), { maxLength: 4 }),
    lastMs: fc.array(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), { maxLength: 4 }),
  })
  .map((fields) => create(FlowBatchSchema, fields as Parameters<typeof create<typeof FlowBatchSchema>>[1]));

describe("decoding a flow batch", () => {
  it("gives back every row of what a test agent wrote", () => {
    fc.assert(
      fc.property(fc.array(testFlow, { maxLength: 20 }), (flows) => {
        const decoded = decodeFlows(flowBatch("w", "b", flows), NOW_MS);
        if (!decoded.ok) throw new Error(decoded.error);
        expect(decoded.value.reports).toHaveLength(flows.length);
        for (const [row, report] of decoded.value.reports.entries()) {
          const flow = flows[row];
          expect(report.direction).toBe(flow?.direction);
          expect(report.port).toBe(flow?.port);
          expect(report.rule).toBe(flow?.rule);
          expect(decoded.value.processes[report.process]?.exe).toBe(flow?.exe);
          expect(report.lastMs).toBe(flow?.lastMs);
        }
      }),
    );
  });

  it("never throws, and what it accepts is within the store's ranges", () => {
    fc.assert(
      fc.property(hostileBatch, (batch) => {
        const decoded = decodeFlows(batch, NOW_MS);
        if (!decoded.ok) {
          expect(decoded.error).not.toBe("");
          return;
        }
        for (const report of decoded.value.reports) {
          expect([1, 6, 17, 132]).toContain(report.proto);
          expect(report.port).toBeLessThanOrEqual(65_535);
          expect(report.src).toMatch(/^[0-9a-f]{32}$/);
          expect(report.dst).toMatch(/^[0-9a-f]{32}$/);
          expect(report.firstMs).toBeLessThanOrEqual(report.lastMs);
          expect(report.lastMs).toBeLessThanOrEqual(NOW_MS + 60_000);
          expect(Number.isSafeInteger(report.count)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("survives any bytes that protobuf lets through", () => {
    const valid = toBinary(
      FlowBatchSchema,
      flowBatch("w", "b", [
        { direction: "outbound", local: "10.0.0.1", peer: "10.0.0.2", port: 1, exe: "/x", rule: "r" },
      ]),
    );
    fc.assert(
      fc.property(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
        const bytes = valid.slice();
        bytes[at] = byte;
        try {
          decodeFlows(fromBinary(FlowBatchSchema, bytes), NOW_MS);
        } catch (error) {
          // Only protobuf's own decoder may refuse by throwing; Connect answers that with invalid_argument.
          expect(String(error)).toMatch(
            /wire|varint|EOF|index|utf|invalid|premature|field|tag|offset|bounds/i,
          );
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("refuses each column that is shorter or longer than the others, by name", () => {
    const columns = [
      "process",
      "port",
      "direction",
      "state",
      "verdict",
      "alert",
      "rule",
      "count",
      "firstMs",
    ] as const;
    for (const column of columns) {
      const batch = flowBatch("w", "b", [{ direction: "inbound", local: "::1", peer: "::1", port: 1 }]);
      (batch[column] as unknown[]).pop();
      const decoded = decodeFlows(batch, NOW_MS);
      expect(decoded).toEqual({ ok: false, error: expect.stringContaining(`\`${column}\``) });
    }
  });

  it("takes levels of every row or of none, and refuses others by name", () => {
    const flow = { direction: "inbound", local: "::1", peer: "::1", port: 1 } as const;
    const known = (level: number[]) => {
      const batch = flowBatch("w", "b", [flow, flow]);
      batch.level.push(...level);
      const decoded = decodeFlows(batch, NOW_MS);
      return decoded.ok ? decoded.value.reports.map((one) => one.known) : decoded.error;
    };
    expect(known([])).toEqual(["unknown", "unknown"]);
    expect(known([Level.IN_BAND, Level.ADDRESS])).toEqual(["in-band", "address"]);
    expect(known([Level.IN_BAND])).toContain("`level` has 1 rows");
    expect(known([Level.IN_BAND, 9])).toContain("row 1: a level");
  });

  it("moves a clock that is ahead back to now", () => {
    const batch = flowBatch("w", "b", [
      { direction: "outbound", local: "10.0.0.1", peer: "10.0.0.2", port: 1, lastMs: NOW_MS + 86_400_000 },
    ]);
    const decoded = decodeFlows(batch, NOW_MS);
    expect(decoded.ok && decoded.value.reports[0]?.lastMs).toBe(NOW_MS);
  });
});

describe("decoding a process", () => {
  it("refuses digests, kinds and paths that are none, by field", () => {
    const cases = [
      [{ exe: "relative" }, "`exe`"],
      [{ exe: "/a\0b" }, "`exe`"],
      [{ exe: `/${"x".repeat(5_000)}` }, "`exe`"],
      [{ exe: "/a", exeSha256: "ABC" }, "`exe_sha256`"],
      [{ exe: "/a", scriptSha256: "zz" }, "`script_sha256`"],
      [{ exe: "/a", unattributable: "magic" }, "`unattributable`"],
      [{ exe: "/a", evidence: "trust me" }, "`evidence`"],
      [{ exe: "/a", user: "u".repeat(2_000) }, "`user`"],
      [{ exe: "/a", environment: Array(100).fill("A=b") }, "`environment`"],
    ] as const;
    for (const [fields, field] of cases) {
      const init = {
        ...fields,
        environment: [...("environment" in fields ? (fields.environment as string[]) : [])],
      };
      expect(decodeProcess(create(ProcessSchema, init))).toEqual({
        ok: false,
        error: expect.stringContaining(field),
      });
    }
  });
});
