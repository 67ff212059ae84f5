import type { Problem } from "@ringwall/model";
import { type Document, type ErrorCode, LineCounter, parseAllDocuments } from "yaml";
import { ALIASES_MAX, FILE_LENGTH_MAX, YAML_PROBLEMS_MAX } from "./limits.ts";
import { placeAt, placeOfOffset, type Source, sourceOf } from "./source.ts";

/** One document of a file, as plain data, and where it stands. */
export type YamlValue = { readonly source: Source; readonly value: unknown };

/** Reads the YAML or JSON documents of a text; what can't be read is added to `problems`. Empty documents are passed over. */
export function readYaml(file: string, text: string, problems: Problem[]): readonly YamlValue[] {
  if (text.length > FILE_LENGTH_MAX) {
    problems.push(tooLarge(file));
    return [];
  }
  const lines = new LineCounter();
  const values: YamlValue[] = [];
  for (const document of readDocuments(file, text, lines, problems)) {
    const source = sourceOf(file, document, lines);
    const before = problems.length;
    problems.push(...yamlProblems(source, document));
    if (problems.length > before || document.contents === null) continue;
    const value = expand(source, document, problems);
    if (value !== undefined) values.push({ source, value });
  }
  return values;
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

const MESSAGE_LENGTH_MAX = 200;
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
  // The parser quotes what it met, of whatever length.
  const shown = first.length > MESSAGE_LENGTH_MAX ? `${first.slice(0, MESSAGE_LENGTH_MAX)}…` : first;
  const message = shown.slice(0, 1).toLowerCase() + shown.slice(1).replace(/\.$/, "");
  return { code, severity: "error", message, fix, place: placeOfOffset(source, offset) };
}

function tooLarge(file: string): Problem {
  return {
    code: "limit",
    severity: "error",
    message: `the file exceeds ${FILE_LENGTH_MAX} characters`,
    fix: "split it, or leave out what is no policy",
    place: { file, line: 1, column: 1 },
  };
}
