import { styleText } from "node:util";
import type { Check } from "./checks.ts";

/** Cells are cut at this width, so that the table keeps its lines on a wide terminal. */
const CELL_COLUMNS_MAX = 58;

/** What was tried, from where, expected, seen, by which rule. */
export function formatChecks(checks: readonly Check[]): string {
  const header = ["", "tried", "from", "to", "expected", "seen", "rule"];
  const phases = Map.groupBy(checks, (check) => check.phase);
  return [...phases]
    .map(([phase, rows]) => `${styleText("bold", phase)}\n${formatTable(header, rows.map(cellsOf))}`)
    .join("\n\n");
}

function cellsOf({ passed, tried, from, to, expected, seen, rule }: Check): readonly string[] {
  return [passed ? "ok" : "FAIL", tried, from, to, expected, seen, rule];
}

export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map(cut));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  const [first = "", ...rest] = lines.map((line) => line.trimEnd());
  return [styleText("dim", first), ...rest].join("\n");
}

function cut(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length <= CELL_COLUMNS_MAX ? line : `${line.slice(0, CELL_COLUMNS_MAX - 1)}…`;
}
