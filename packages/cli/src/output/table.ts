import { clean } from "./clean.ts";
import { paint, type Style, say } from "./print.ts";

/** How a column gives way where the terminal is narrow: not at all, by losing its end, or its middle (paths). */
export type Column = {
  readonly head: string;
  readonly align?: "left" | "right";
  readonly shrink?: "end" | "middle";
};
export type Cell = string | { readonly text: string; readonly style: Style };

const GAP = 2;
const COLUMN_WIDTH_MIN = 8;

/** Prints rows under their heads. On a terminal the table fits its width; elsewhere nothing is cut. */
export async function printTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
): Promise<void> {
  say(await formatTable(columns, rows, process.stdout.isTTY ? process.stdout.columns : undefined));
}

/** The table as text; `widthMax` in terminal columns, undefined for no limit. */
export async function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  widthMax: number | undefined,
): Promise<string> {
  const { default: Table } = await import("cli-table3");
  const texts = rows.map((row) => row.map((cell) => clean(typeof cell === "string" ? cell : cell.text)));
  const widths = fitWidths(columns, texts, widthMax);
  const table = new Table({
    chars: NO_BORDERS,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colAligns: columns.map((column) => column.align ?? "left"),
  });
  table.push(columns.map((column) => paint("bold", column.head)));
  for (const [index, row] of rows.entries()) {
    table.push(
      row.map((cell, at) => {
        const text = shorten(texts[index]?.[at] ?? "", widths[at] ?? 0, columns[at]?.shrink ?? "end");
        return typeof cell === "string" ? text : paint(cell.style, text);
      }),
    );
  }
  return table.toString().replace(/[ \t]+$/gm, "");
}

const NO_BORDERS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: " ".repeat(GAP),
};

function fitWidths(
  columns: readonly Column[],
  texts: readonly (readonly string[])[],
  widthMax: number | undefined,
): number[] {
  const widths = columns.map((column, at) =>
    texts.reduce((widest, row) => Math.max(widest, row[at]?.length ?? 0), column.head.length),
  );
  if (widthMax === undefined) return widths;
  let excess = widths.reduce((sum, width) => sum + width, GAP * (columns.length - 1)) - widthMax;
  while (excess > 0) {
    const widest = widestShrinkable(columns, widths);
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess--;
  }
  return widths;
}

function widestShrinkable(columns: readonly Column[], widths: readonly number[]): number | undefined {
  let found: number | undefined;
  for (const [at, column] of columns.entries()) {
    const width = widths[at] ?? 0;
    if (column.shrink === undefined || width <= Math.max(COLUMN_WIDTH_MIN, column.head.length)) continue;
    if (found === undefined || width > (widths[found] ?? 0)) found = at;
  }
  return found;
}

/** Cuts text to a width, with `…` where something is missing. */
export function shorten(text: string, width: number, shrink: "end" | "middle"): string {
  if (text.length <= width) return text;
  if (shrink === "end") return `${text.slice(0, width - 1)}…`;
  const tail = Math.ceil(((width - 1) * 2) / 3);
  return `${text.slice(0, width - 1 - tail)}…${text.slice(text.length - tail)}`;
}
