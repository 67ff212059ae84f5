import {
  API_VERSION,
  fail,
  ok,
  type Problem,
  type Resource,
  type Result,
  resource,
  resourceKinds,
} from "@ringwall/model";
import { nearestName } from "../policy-set/nearest-name.ts";
import { type PolicySet, policySetOf } from "../policy-set/policy-set.ts";
import { duplicateNames } from "./duplicates.ts";
import { DOCUMENTS_MAX, PROBLEMS_MAX, TOTAL_LENGTH_MAX } from "./limits.ts";
import { readYaml } from "./read-yaml.ts";
import { schemaProblems } from "./schema-problems.ts";
import { placeAt, type Source } from "./source.ts";
import { valueProblems } from "./value-problems.ts";

export type PolicyFile = { readonly file: string; readonly text: string };
/** A resource as it was read, and where. */
export type Parsed = { readonly resource: Resource; readonly source: Source };

/** Reads policy text: any number of YAML or JSON documents per file. All problems at once, each with file, line, column, code and fix. */
export function parsePolicy(files: readonly PolicyFile[]): Result<PolicySet> {
  const problems: Problem[] = [];
  const parsed: Parsed[] = [];
  let length = 0;
  for (const file of files) {
    length += file.text.length;
    if (length > TOTAL_LENGTH_MAX) {
      problems.push(tooLarge(file.file, "all files together", TOTAL_LENGTH_MAX));
      break;
    }
    parsed.push(...parseFile(file, problems));
    if (parsed.length > DOCUMENTS_MAX) {
      problems.push(tooLarge(file.file, "the number of documents", DOCUMENTS_MAX));
      break;
    }
  }
  problems.push(...duplicateNames(parsed));
  if (problems.length > 0) return fail(bounded(problems));
  const sources = new Map(parsed.map((one) => [one.resource, one.source]));
  return ok(
    policySetOf(
      parsed.map((one) => one.resource),
      (one, path) => {
        const source = sources.get(one);
        return source === undefined ? undefined : placeAt(source, path ?? []);
      },
    ),
  );
}

function parseFile({ file, text }: PolicyFile, problems: Problem[]): readonly Parsed[] {
  const parsed: Parsed[] = [];
  for (const { source, value } of readYaml(file, text, problems)) {
    const one = readResource(source, value, problems);
    if (one !== undefined) parsed.push({ resource: one, source });
  }
  return parsed;
}

function readResource(source: Source, value: unknown, problems: Problem[]): Resource | undefined {
  const header = headerProblem(source, value);
  if (header !== undefined) {
    problems.push(header);
    return undefined;
  }
  const read = resource.safeParse(value);
  if (!read.success) {
    problems.push(...schemaProblems({ schema: schemaOf(value), value, source }, read.error.issues));
    return undefined;
  }
  const wrong = valueProblems(read.data, (path) => placeAt(source, path));
  problems.push(...wrong);
  return wrong.some((problem) => problem.severity === "error") ? undefined : read.data;
}

function schemaOf(value: unknown) {
  const kind = (value as { kind: unknown }).kind; // headerProblem has seen it
  return resource.options.find((option) => option.shape.kind.value === kind) ?? resource;
}

function headerProblem(source: Source, value: unknown): Problem | undefined {
  const wrong = (code: string, message: string, fix: string, key?: string): Problem => ({
    code,
    severity: "error",
    message,
    fix,
    place: placeAt(source, key === undefined ? [] : [key]),
  });
  const kinds = resourceKinds.map((kind) => `\`${kind}\``).join(", ");
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return wrong(
      "not-a-resource",
      "the document is no mapping",
      `start with \`apiVersion: ${API_VERSION}\` and \`kind\``,
    );
  const { apiVersion, kind } = value as { apiVersion?: unknown; kind?: unknown }; // any object may be asked for a key
  if (kind === undefined) return wrong("missing-key", "`kind` is missing", `one of ${kinds}`);
  if (!resourceKinds.some((known) => known === kind)) {
    const nearest = nearestName(String(kind), resourceKinds);
    const fix = nearest === undefined ? `one of ${kinds}` : `did you mean \`${nearest}\`?`;
    return wrong("unknown-kind", `\`${String(kind)}\` is no kind of resource`, fix, "kind");
  }
  if (apiVersion === API_VERSION) return undefined;
  const message =
    apiVersion === undefined ? "`apiVersion` is missing" : `\`apiVersion\` is \`${String(apiVersion)}\``;
  return wrong("api-version", message, `write \`apiVersion: ${API_VERSION}\``, "apiVersion");
}

function tooLarge(file: string, what: string, limit: number): Problem {
  return {
    code: "limit",
    severity: "error",
    message: `${what} exceeds ${limit}`,
    fix: "split it, or leave out what is no policy",
    place: { file, line: 1, column: 1 },
  };
}

function bounded(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= PROBLEMS_MAX) return problems;
  const left = problems.length - PROBLEMS_MAX;
  const more: Problem = {
    code: "limit",
    severity: "error",
    message: `${left} more problems are not listed`,
    fix: "correct the ones above first",
  };
  return [...problems.slice(0, PROBLEMS_MAX), more];
}
