import { clean } from "./clean.ts";
import { paint, type Style, say } from "./print.ts";

/** Which part of a text is cut away: its start (paths), its middle (names), its end (sentences). */
export type Shrink = "start" | "middle" | "end";
/** `shrink`: how the column gives way where the terminal is narrow; `drop`: whether it goes altogether, 1 first. */
export type Column = {
  readonly head: string;
  readonly align?: "left" | "right";
  readonly shrink?: Shrink;
  readonly drop?: number;
};
export type Cell = string | { readonly text: string; readonly style: Style };

const GAP = 2;
/** A column is not cut below this while there is another one to drop… */
const COLUMN_WIDTH_EASY = 16;
/** …and never below this. */
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
  const shown = layOut(columns, rows, widthMax);
  const table = new Table({
    chars: NO_BORDERS,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colAligns: shown.map(({ column }) => column.align ?? "left"),
  });
  table.push(shown.map(({ column }) => paint("bold", column.head)));
  for (const [index, row] of rows.entries()) {
    table.push(
      shown.map(({ at, column, texts, width }) => {
        const text = shorten(texts[index] ?? "", width, column.shrink ?? "end");
        const cell = row[at];
        return cell === undefined || typeof cell === "string" ? text : paint(cell.style, text);
      }),
    );
  }
  return table.toString().replace(/[ \t]+$/gm, "");
}

type Shown = {
  readonly at: number;
  readonly column: Column;
  readonly texts: readonly string[];
  width: number;
};

/** The columns that are shown, with their widths. */
function layOut(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  widthMax: number | undefined,
): readonly Shown[] {
  const all = columns.map((column, at): Shown => {
    const texts = rows.map((row) => clean(textOf(row[at])));
    const width = texts.reduce((widest, text) => Math.max(widest, text.length), column.head.length);
    return { at, column, texts, width };
  });
  if (widthMax === undefined) return all;
  const shown = dropColumns(all, widthMax);
  for (let excess = totalWidth(shown) - widthMax; excess > 0; excess--) {
    const widest = shown
      .filter(({ column, width }) => width > leastWidth(column, COLUMN_WIDTH_MIN))
      .reduce<Shown | undefined>(
        (one, other) => (one === undefined || other.width > one.width ? other : one),
        undefined,
      );
    if (widest === undefined) break;
    widest.width--;
  }
  return shown;
}

/** Leaves out columns, in their order of dropping, until the others have room to be read. */
function dropColumns(all: readonly Shown[], widthMax: number): readonly Shown[] {
  const easy = (shown: readonly Shown[]) =>
    totalWidth(
      shown.map((one) => ({ width: Math.min(one.width, leastWidth(one.column, COLUMN_WIDTH_EASY)) })),
    );
  let shown = all;
  while (easy(shown) > widthMax) {
    const orders = shown.flatMap(({ column }) => column.drop ?? []);
    if (orders.length === 0) break;
    const first = Math.min(...orders);
    shown = shown.filter(({ column }) => column.drop !== first);
  }
  return shown;
}

function leastWidth(column: Column, least: number): number {
  return column.shrink === undefined ? Number.POSITIVE_INFINITY : Math.max(least, column.head.length);
}

function totalWidth(shown: readonly { readonly width: number }[]): number {
  return shown.reduce((sum, { width }) => sum + width, GAP * (shown.length - 1));
}

function textOf(cell: Cell | undefined): string {
  if (cell === undefined) return "";
  return typeof cell === "string" ? cell : cell.text;
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

/** Cuts text to a width, with `…` where something is missing. */
export function shorten(text: string, width: number, shrink: Shrink): string {
  if (text.length <= width) return text;
  const left = width - 1;
  const tail = { start: left, middle: Math.ceil(left / 2), end: 0 }[shrink];
  return `${text.slice(0, left - tail)}…${text.slice(text.length - tail)}`;
}
