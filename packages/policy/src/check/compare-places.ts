import type { Problem } from "@ringwall/model";
import { compareText } from "../policy-set/policy-set.ts";

/** Order of the text; what has no place comes last. */
export function comparePlaces(a: Problem, b: Problem): number {
  if (a.place === undefined || b.place === undefined)
    return Number(a.place === undefined) - Number(b.place === undefined) || compareText(a.message, b.message);
  return (
    compareText(a.place.file, b.place.file) ||
    a.place.line - b.place.line ||
    a.place.column - b.place.column ||
    compareText(a.code, b.code) ||
    compareText(a.message, b.message)
  );
}
