import { expect, test } from "vitest";
import type { FlowReport } from "../ingest/decode-flows.ts";
import { alertsOfFlows } from "./flow-alerts.ts";
import { flowOf } from "./flow-records.ts";

const NOBODY = `${"0".repeat(20)}ffff${"0".repeat(8)}`;
const report: FlowReport = {
  direction: "inbound",
  proto: 6,
  port: 4444,
  src: NOBODY,
  dst: `${"0".repeat(20)}ffff0a000001`,
  process: -1,
  state: "denied",
  verdict: "blocked",
  known: "address",
  fqdn: "",
  alert: true,
  rule: "listen/denied by default",
  count: 1,
  bytesOut: 0,
  bytesIn: 0,
  firstMs: 0,
  lastMs: 0,
};

test.each([
  [{}, "listening at tcp/4444 was blocked"],
  [{ verdict: "would-block" }, "listening at tcp/4444 would be blocked"],
  [
    { direction: "outbound", proto: 255, port: 0, src: report.dst, dst: NOBODY },
    "making a raw or packet socket was blocked",
  ],
  [
    { direction: "outbound", proto: 255, port: 0, src: report.dst, dst: `${"0".repeat(20)}ffff0a000002` },
    "to 10.0.0.2 at a protocol without ports was blocked",
  ],
] as const)("an alert of what has no peer or no port says what was done (%#)", (more, words) => {
  const batch = { batchId: "b", processes: [], reports: [{ ...report, ...more }], lost: {} };
  const [alert] = alertsOfFlows("web-1", batch, () => null);
  expect(alert?.message).toContain(words);
  expect(alert?.rule).toBe("listen/denied by default");
});

test("a record of a raw socket's packet has a protocol and no port", () => {
  const end = { workload: null, ip: "10.0.0.1", process: null };
  const seen = {
    ...{ reporter: "source", known: "address", src: { ...end, workload: "web-1" }, dst: end, proto: 255 },
    ...{ port: 0, state: "denied", verdict: "blocked", count: 1, first_ms: 0, last_ms: 0, fqdn: "" },
    ...{ bytes_out: 0, bytes_in: 0, days: 1, rule: "", level: "" },
  } as unknown as Parameters<typeof flowOf>[0];
  const flow = flowOf(seen);
  expect(flow).toMatchObject({ proto: "other", verdict: "blocked" });
  expect(flow).not.toHaveProperty("port");
});
