import { styleText } from "node:util";
import type { Check } from "./checks.ts";

/** Cells are cut at this width, so that the table keeps its lines on a wide terminal. */
const CELL_COLUMNS_MAX = 58;

/** What was tried, from where, expected, seen, by which rule. */
export function formatChecks(checks: readonly Check[]): string {
  const header = ["", "tried", "from", "to", "expected", "seen", "rule"];
  const rows = checks.map((check) => [
    check.passed ? "ok" : "FAIL",
    check.tried,
    check.from,
    check.to,
    check.expected,
    check.seen,
    check.rule,
  ]);
  return formatTable(header, rows);
}

export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map(cut));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  const [first = "", ...rest] = lines.map((line) => line.trimEnd());
  return [styleText("bold", first), ...rest].join("\n");
}

function cut(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length <= CELL_COLUMNS_MAX ? line : `${line.slice(0, CELL_COLUMNS_MAX - 1)}…`;
}
