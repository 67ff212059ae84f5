import { LineCounter } from "yaml";
import type { z } from "zod";
import { readYaml } from "./read-yaml.ts";
import { schemaProblems } from "./schema-problems.ts";
import type { Source } from "./source.ts";

/** A line of JSON that its schema refused. */
export type RefusedLine = {
  readonly text: string;
  readonly value: unknown;
  readonly schema: z.core.$ZodType;
  readonly issues: readonly z.core.$ZodIssue[];
};

/** The first thing that is wrong with a record, in the words that a policy's text is refused in, and the column it stands at. */
export function recordProblem({ text, value, schema, issues }: RefusedLine): {
  readonly message: string;
  readonly fix: string;
  readonly column: number;
} {
  // JSON is YAML: read as that, it says where its values stand.
  const source = readYaml("", text, [])[0]?.source ?? NOWHERE;
  const [first] = schemaProblems({ schema, value, source }, issues.slice(0, 1));
  const { message = "the line is no record", fix = "the keys are listed in docs/policy.md" } = first ?? {};
  return { message, fix, column: first?.place?.column ?? 1 };
}

const NOWHERE: Source = { file: "", root: null, lines: new LineCounter() };
