import type { Problem } from "@ringwall/model";
import type { Parsed } from "./parse.ts";
import { placeAt } from "./source.ts";

/** Two resources of a kind with one name: whichever came second is reported, with the place of the first. */
export function duplicateNames(parsed: readonly Parsed[]): readonly Problem[] {
  const first = new Map<string, Parsed>();
  const problems: Problem[] = [];
  for (const one of parsed) {
    const { kind, metadata } = one.resource;
    const key = `${kind} ${metadata.name}`;
    const earlier = first.get(key);
    if (earlier === undefined) {
      first.set(key, one);
      continue;
    }
    const there = placeAt(earlier.source, ["metadata", "name"]);
    problems.push({
      code: "duplicate-name",
      severity: "error",
      message: `a second ${kind} is named \`${metadata.name}\`; the first stands in ${there.file}:${there.line}`,
      fix: "give one of them another name, or remove it",
      place: placeAt(one.source, ["metadata", "name"]),
    });
  }
  return problems;
}
