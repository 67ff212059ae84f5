import type { Problem } from "@ringwall/model";
import type { z } from "zod";
import { nearestName } from "../policy-set/nearest-name.ts";
import { knownKeys } from "./schema-keys.ts";
import { type Path, placeAt, placeOfKey, type Source } from "./source.ts";

type Issue = z.core.$ZodIssue;
/** What the messages are made of: the schema that refused, the value, and where it stands. */
export type Refused = { readonly schema: z.core.$ZodType; readonly value: unknown; readonly source: Source };

/** What a union says that has no words of its own. */
const UNION_UNNAMED = "Invalid input";

/** A schema's complaints as problems with place, the user's own words and a fix. */
export function schemaProblems(refused: Refused, issues: readonly Issue[]): readonly Problem[] {
  return issues.flatMap((issue) => problemsOf(refused, issue, issue.path as Path));
}

function problemsOf(refused: Refused, issue: Issue, path: Path): readonly Problem[] {
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(refused, path, key));
    case "invalid_union": {
      if (issue.message !== UNION_UNNAMED) return [formatProblemOf(refused, issue, path)];
      const branch = bestBranch(issue.errors);
      if (branch === undefined)
        return [shapeProblem(refused, path, `\`${nameOf(path)}\` has none of the known forms`)];
      return branch.flatMap((inner) => problemsOf(refused, inner, [...path, ...(inner.path as Path)]));
    }
    case "invalid_key":
      return issue.issues.map((inner) => ({
        ...formatProblemOf(refused, inner, path.slice(0, -1)),
        message: `the key \`${path.at(-1)}\` is not allowed: ${inner.message}`,
        place: placeOfKey(refused.source, path.slice(0, -1), String(path.at(-1))),
      }));
    case "invalid_type":
      return [wrongType(refused, path, issue.expected)];
    case "invalid_value":
      return [wrongValue(refused, path, issue.values)];
    case "too_big":
      return [beyondLimit(refused, path, "more than", "at most", issue.maximum)];
    case "too_small":
      return [beyondLimit(refused, path, "less than", "at least", issue.minimum)];
    default:
      return [formatProblemOf(refused, issue, path)];
  }
}

function unknownKey({ schema, source }: Refused, path: Path, key: string): Problem {
  const known = knownKeys(schema, path);
  const nearest = nearestName(key, known);
  return {
    code: "unknown-key",
    severity: "error",
    message: `unknown key \`${key}\`${path.length === 0 ? "" : ` in \`${nameOf(path)}\``}`,
    fix:
      nearest === undefined ? `known keys: ${known.map(quoted).join(", ")}` : `did you mean \`${nearest}\`?`,
    place: placeOfKey(source, path, key),
  };
}

function wrongType({ value, source }: Refused, path: Path, expected: string): Problem {
  const got = valueAt(value, path);
  const place = placeAt(source, path);
  if (got === undefined) {
    const message = `\`${nameOf(path)}\` is missing`;
    return {
      code: "missing-key",
      severity: "error",
      message,
      fix: `add it: ${expectedWords(expected)}`,
      place,
    };
  }
  const scalar = expected === "string" && (typeof got === "number" || typeof got === "boolean");
  return {
    code: "wrong-type",
    severity: "error",
    message: `\`${nameOf(path)}\` is ${quotedValue(got)}, not ${expectedWords(expected)}`,
    fix: scalar ? `write it in quotes: "${got}"` : `write ${expectedWords(expected)}`,
    place,
  };
}

function wrongValue({ value, source }: Refused, path: Path, values: readonly unknown[]): Problem {
  const got = valueAt(value, path);
  const place = placeAt(source, path);
  const known = values.map(String);
  if (got === undefined) {
    const message = `\`${nameOf(path)}\` is missing`;
    return {
      code: "missing-key",
      severity: "error",
      message,
      fix: `one of ${known.map(quoted).join(", ")}`,
      place,
    };
  }
  const nearest = nearestName(String(got), known);
  return {
    code: "invalid-value",
    severity: "error",
    message: `\`${nameOf(path)}\` is ${quotedValue(got)}, not ${known.map(quoted).join(" or ")}`,
    fix: nearest === undefined ? `write ${known.map(quoted).join(" or ")}` : `did you mean \`${nearest}\`?`,
    place,
  };
}

function beyondLimit(
  { value, source }: Refused,
  path: Path,
  than: string,
  allowed: string,
  limit: number | bigint,
): Problem {
  const got = valueAt(value, path);
  const unit = Array.isArray(got) ? " entries" : typeof got === "string" ? " characters" : "";
  const has = Array.isArray(got) || typeof got === "string" ? `has ${got.length}` : `is ${quotedValue(got)}`;
  return {
    code: "limit",
    severity: "error",
    message: `\`${nameOf(path)}\` ${has}${unit}, ${than} ${limit}`,
    fix: `write ${allowed} ${limit}${unit}`,
    place: placeAt(source, path),
  };
}

function formatProblemOf({ value, source }: Refused, issue: Issue, path: Path): Problem {
  const invalid = /^Invalid (.*)$/.exec(issue.message)?.[1];
  const expected = invalid === undefined ? lowerFirst(issue.message) : `a valid ${invalid}`;
  const got = quotedValue(valueAt(value, path));
  return {
    code: "invalid-value",
    severity: "error",
    message: `\`${nameOf(path)}\` is ${got}${invalid === undefined ? "" : `, not ${expected}`}`,
    fix: `expected: ${expected}`,
    place: placeAt(source, path),
  };
}

function shapeProblem({ source }: Refused, path: Path, message: string): Problem {
  return {
    code: "invalid-value",
    severity: "error",
    message,
    fix: "see docs/policy.md for its forms",
    place: placeAt(source, path),
  };
}

/** Of a union's alternatives the one that the author most likely meant: whose complaints lie deepest, then whose type fits. */
function bestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const score = (issues: readonly Issue[]): number => {
    const depth = Math.min(...issues.map((issue) => issue.path.length));
    const typeFits = issues.some((issue) => issue.code === "invalid_type" && issue.path.length === 0) ? 0 : 1;
    return depth * 100 + typeFits * 50 - Math.min(issues.length, 40);
  };
  return branches.toSorted((a, b) => score(b) - score(a))[0];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    // What is no object has no such key.
    (at, step) =>
      typeof at === "object" && at !== null ? (at as Record<string, unknown>)[String(step)] : undefined,
    value,
  );
}

/** `spec.rules[0].allow.ports[1]` */
function nameOf(path: Path): string {
  return path
    .map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`))
    .join("");
}

const WORDS: Readonly<Record<string, string>> = {
  object: "a mapping",
  record: "a mapping",
  array: "a list",
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "`true` or `false`",
};

function expectedWords(expected: string): string {
  return WORDS[expected] ?? expected;
}

function quoted(text: string): string {
  return `\`${text}\``;
}

const SHOWN_LENGTH_MAX = 60;

function quotedValue(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a mapping";
  const text = String(value);
  return `\`${text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text}\``;
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
