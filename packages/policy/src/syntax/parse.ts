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
import { type Document, type ErrorCode, LineCounter, parseAllDocuments } from "yaml";
import { nearestName } from "../policy-set/nearest-name.ts";
import { type PolicySet, policySetOf } from "../policy-set/policy-set.ts";
import { duplicateNames } from "./duplicates.ts";
import {
  ALIASES_MAX,
  DOCUMENTS_MAX,
  FILE_LENGTH_MAX,
  PROBLEMS_MAX,
  TOTAL_LENGTH_MAX,
  YAML_PROBLEMS_MAX,
} from "./limits.ts";
import { schemaProblems } from "./schema-problems.ts";
import { placeAt, placeOfOffset, type Source, sourceOf } from "./source.ts";
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
  if (text.length > FILE_LENGTH_MAX) {
    problems.push(tooLarge(file, "the file", FILE_LENGTH_MAX));
    return [];
  }
  const lines = new LineCounter();
  const documents = readDocuments(file, text, lines, problems);
  const parsed: Parsed[] = [];
  for (const document of documents) {
    const source = sourceOf(file, document, lines);
    const before = problems.length;
    problems.push(...yamlProblems(source, document));
    if (problems.length > before || document.contents === null) continue;
    const value = expand(source, document, problems);
    if (value === undefined) continue;
    const one = readResource(source, value, problems);
    if (one !== undefined) parsed.push({ resource: one, source });
  }
  return parsed;
}

/** The parser recurses, so text nested too deep for the stack is refused like any other bad input. */
function readDocuments(
  file: string,
  text: string,
  lines: LineCounter,
  problems: Problem[],
): readonly Document.Parsed[] {
  try {
    const documents = parseAllDocuments(separated(text), {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: true,
    });
    return Array.isArray(documents) ? documents : [];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    problems.push(tooDeep(file));
    return [];
  }
}

/** NDJSON as YAML: a line that is a JSON object is a document of its own. Offsets stay as they are, line for line. */
function separated(text: string): string {
  return /^\s*\{.*\}[ \t\r]*\n\s*\{/.test(text) ? text.replace(/\n(?=\{)/g, "\n--- ") : text;
}

function expand(source: Source, document: Document.Parsed, problems: Problem[]): unknown {
  try {
    return document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    if (!(error instanceof ReferenceError || error instanceof RangeError)) throw error;
    problems.push({
      code: "yaml-aliases",
      severity: "error",
      message: `the document's aliases expand to too much, or to nothing: more than ${ALIASES_MAX}, or an unknown anchor`,
      fix: "write the values out",
      place: placeAt(source, []),
    });
    return undefined;
  }
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

const YAML_CODES: Partial<Record<ErrorCode, readonly [code: string, fix: string]>> = {
  DUPLICATE_KEY: ["duplicate-key", "keep one of the two"],
  TAB_AS_INDENT: ["yaml-tab", "indent with spaces"],
  BAD_ALIAS: ["yaml-aliases", "write the values out"],
};

/** What the YAML parser itself refuses; when it ran out of stack, what it says after that means nothing. */
function yamlProblems(source: Source, document: Document.Parsed): readonly Problem[] {
  if (document.errors.some(({ message }) => /call stack|stack overflow/i.test(message)))
    return [tooDeep(source.file)];
  return document.errors
    .slice(0, YAML_PROBLEMS_MAX)
    .map(({ code, message, pos }) => yamlProblem(source, code, message, pos[0]));
}

function tooDeep(file: string): Problem {
  return {
    code: "yaml-too-deep",
    severity: "error",
    message: "the text is nested too deeply to be read",
    fix: "a resource has at most ten levels",
    place: { file, line: 1, column: 1 },
  };
}

function yamlProblem(source: Source, yamlCode: ErrorCode, text: string, offset: number): Problem {
  const [code, fix] = YAML_CODES[yamlCode] ?? ["yaml-syntax", "correct the YAML at this place"];
  const [first = ""] = text.split("\n");
  const message = first.slice(0, 1).toLowerCase() + first.slice(1).replace(/\.$/, "");
  return { code, severity: "error", message, fix, place: placeOfOffset(source, offset) };
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
