import type { Mode } from "@ringwall/model";
import type { Style } from "../../output/print.ts";
import type { Cell } from "../../output/table.ts";

const STYLES: Record<Mode, Style> = { observe: "cyan", alert: "yellow", block: "green" };

/** A direction's mode; `-` where no segment governs it. */
export function modeCell(mode: Mode | null): Cell {
  return mode === null ? "-" : { text: mode, style: STYLES[mode] };
}
