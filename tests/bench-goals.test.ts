import { expect, it } from "vitest";
import { formatGoals, parseGoals } from "../scripts/bench-goals.ts";

it("a benchmark's figures become a table that says which goals are missed", () => {
  const output = [
    "start of a known program · 7 × 1000",
    "» start of a known program, observed: 1.018 × of 1.04 · [0.981 1.071], A/A 1.002",
    "» flows lost silently: 0 flows of 0",
    "» new UDP flow: 1.266 × of 1.06 · more: 2 × of 3",
    "  2 × AMD, Linux 6.18",
  ].join("\n");
  const goals = parseGoals(output);
  expect(goals.map(({ seen, unit, goal }) => [seen, unit, goal])).toEqual([
    [1.018, "×", 1.04],
    [0, "flows", 0],
    [1.266, "×", 1.06],
  ]);
  const lines = formatGoals(goals).split("\n");
  expect(lines.at(1)).toMatch(/^start of a known program, observed +1\.018 × +1\.04 × +met$/);
  expect(lines.at(3)).toMatch(/^new UDP flow +1\.266 × +1\.06 × +MISSED$/);
  expect(lines.at(-1)).toBe("2 goals met, 1 missed");
});
