import { create } from "@bufbuild/protobuf";
import { canaries, DRILL_ROWS_MAX, DrillReportSchema, DrillRole, DrillState } from "@ringwall/protocol/agent";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DecodedFlows, FlowReport } from "../../ingest/decode-flows.ts";
import { decodeDrill } from "./decode-report.ts";
import { commonAddresses } from "./ends.ts";
import { judgeDrill } from "./judge.ts";
import { isDrillProgram, type MarkedDrill, markFlows } from "./mark-flows.ts";

const attempt = (canary: string, skipped = "") => ({ canary, step: "connect", errno: 111, skipped });
const results = (...parameters: Parameters<typeof judgeDrill>) =>
  judgeDrill(...parameters).map(({ canary, result }) => `${canary} ${result}`);

describe("judging a drill", () => {
  it("goes by what arrived, whatever the sender says of it", () => {
    const attempts = [attempt("tcp"), attempt("udp"), attempt("control"), attempt("receiver-control")];
    expect(results(attempts, new Set(["udp", "control"]), new Set())).toEqual([
      "tcp refused",
      "udp got-through",
      "control control",
      "receiver-control control-failed",
    ]);
  });

  it("calls not refusable only what the table names, and only where the hosts lack what closes it", () => {
    const open = canaries.find(({ id }) => id === "packet-socket")?.open;
    const arrived = new Set(["packet-socket", "inherited-socket", "receiver-tcp"]);
    const attempts = [...arrived].map((id) => attempt(id));
    expect(results(attempts, arrived, new Set())).toEqual([
      "packet-socket not-refusable",
      "inherited-socket not-refusable",
      "receiver-tcp not-refusable",
    ]);
    expect(results(attempts, arrived, new Set([...(open?.closedBy ?? []).slice(0, 1), "proof"]))).toEqual([
      "packet-socket got-through",
      "inherited-socket not-refusable",
      "receiver-tcp got-through",
    ]);
  });

  it("tells what arrived of an attempt that its sender does not report", () => {
    expect(results([attempt("control")], new Set(["control", "udp"]), new Set())).toEqual([
      "control control",
      "udp got-through",
    ]);
  });

  it("tells what was not made, unless it arrived all the same", () => {
    const attempts = [attempt("sctp", "this kernel has no SCTP"), attempt("mptcp", "none here")];
    expect(results(attempts, new Set(["mptcp"]), new Set())).toEqual(["sctp not-made", "mptcp got-through"]);
  });
});

it("a report of anything is decoded or refused, never more than its limits", () => {
  const hostile = fc.record({
    run: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    role: fc.nat({ max: 9 }),
    state: fc.nat({ max: 9 }),
    problem: fc.string({ maxLength: 600 }),
    senderPort: fc.nat({ max: 0xffff_ffff }),
    attempts: fc.array(
      fc.record({
        canary: fc.oneof(fc.constantFrom("tcp", "udp"), fc.string()),
        step: fc.string({ maxLength: 30 }),
        errno: fc.nat({ max: 0xffff_ffff }),
        skipped: fc.string({ maxLength: 300 }),
      }),
      { maxLength: 4 },
    ),
    arrived: fc.array(fc.oneof(fc.constantFrom("tcp", "udp"), fc.string()), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(hostile, (parts) => {
      const decoded = decodeDrill(create(DrillReportSchema, parts));
      if (!decoded.ok) return;
      expect([...decoded.value.arrived].every((id) => id === "tcp" || id === "udp")).toBe(true);
      expect(decoded.value.senderPort).toBeLessThanOrEqual(65_535);
    }),
  );
  const many = create(DrillReportSchema, {
    role: DrillRole.SINK,
    state: DrillState.ENDED,
    arrived: Array.from({ length: DRILL_ROWS_MAX + 1 }, () => "tcp"),
  });
  expect(decodeDrill(many).ok).toBe(false);
});

it("a report's texts are ones that the database takes", () => {
  const attempts = [{ canary: "tcp", skipped: "no\0ne" }];
  const report = create(DrillReportSchema, { problem: "a\0b", attempts });
  expect(decodeDrill(report)).toMatchObject({
    ok: true,
    value: { problem: "ab", attempts: [{ skipped: "none" }] },
  });
});

it("two hosts meet by addresses of one family that others can reach", () => {
  expect(commonAddresses(["127.0.0.1", "fd00::1", "10.0.0.1"], ["10.0.0.2"])).toEqual([
    "10.0.0.1",
    "10.0.0.2",
  ]);
  expect(commonAddresses(["fe80::1", "fd00::1"], ["10.0.0.2", "fd00::2"])).toEqual(["fd00::1", "fd00::2"]);
  expect(commonAddresses(["10.0.0.1"], ["fd00::2"])).toBeNull();
});

describe("flows of a drill", () => {
  const NOW_MS = 1_000_000_000;
  const hex = (last: string) => `00000000000000000000ffff0a0000${last}`;
  const mark = (): MarkedDrill => ({
    source: { name: "a", address: "10.0.0.1" },
    destination: { name: "b", address: "10.0.0.2" },
    ports: [40_000],
    endedMs: null,
  });
  const report = { src: hex("01"), dst: hex("02"), port: 40_000, rule: "", alert: true } as FlowReport;
  const flows = (one: FlowReport): DecodedFlows => ({
    batchId: "x",
    processes: [],
    reports: [one],
    lost: {},
  });
  const marked = (one: FlowReport, marks = [mark()], workload = "a") =>
    markFlows(workload, flows(one), marks, NOW_MS).reports[0];

  it("carry its rule and raise no alert, at both ends", () => {
    expect(marked(report)).toMatchObject({ rule: "drill/others", alert: false });
    expect(marked({ ...report, rule: "drill/allowed" }, [mark()], "b")).toMatchObject({
      rule: "drill/allowed",
    });
  });

  it("come from programs that are not told as new, in its folder and in its time", () => {
    const own = { exe: "/run/ringwall-drill-0badcafe-x/programs/ringwall-canary", script: null };
    const script = { exe: "/usr/bin/python3", script: "/run/ringwall-drill-0badcafe-x/programs/canary.py" };
    expect([own, script].map((one) => isDrillProgram("a", one, [mark()]))).toEqual([true, true]);
    expect(isDrillProgram("c", own, [mark()])).toBe(false);
    expect(isDrillProgram("a", own, [])).toBe(false);
    expect(isDrillProgram("a", { exe: "/tmp/run/ringwall-drill-x", script: null }, [mark()])).toBe(false);
  });

  it("are only those between its two ends, to its own ports, in its time", () => {
    for (const other of [{ port: 443 }, { dst: hex("03") }, { src: hex("04") }])
      expect(marked({ ...report, ...other })).toMatchObject({ rule: "", alert: true });
    expect(marked(report, [mark()], "c")).toMatchObject({ rule: "", alert: true });
    const over = [{ ...mark(), endedMs: NOW_MS - 3_600_000 }];
    expect(marked(report, over)).toMatchObject({ rule: "", alert: true });
    expect(over).toEqual([]);
  });
});
