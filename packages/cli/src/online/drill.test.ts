import type { DrillRow, DrillView } from "@ringwall/protocol/rest";
import { expect, it } from "vitest";
import { verdictOf } from "./drill.ts";

const row = (result: DrillRow["result"]): DrillRow => ({
  canary: result,
  tries: "",
  end: "sender",
  result,
  step: "",
  errno: 0,
  why: "",
  needs: "",
});
const view = (results: readonly DrillRow["result"][], problem = ""): DrillView => ({
  run: 1,
  source: "web",
  destination: "app",
  state: "ended",
  problem,
  started: "2026-01-01T00:00:00.000Z",
  startedBy: "operator",
  ended: "2026-01-01T00:01:00.000Z",
  rows: results.map(row),
});

it("a drill ends well only where the allowed program got through and every attempt was made", () => {
  expect(verdictOf(view(["control", "refused", "not-refusable", "not-made"]))).toBe(0);
  expect(verdictOf(view(["control", "got-through"]))).toBe(1);
  for (const silent of [[], ["refused"], ["not-made", "refused"], ["control", "control-failed"]] as const)
    expect(() => verdictOf(view(silent))).toThrow(/the allowed program did not get through/);
  expect(() => verdictOf(view(["control", "refused"], "the time was up"))).toThrow(/the time was up/);
});
