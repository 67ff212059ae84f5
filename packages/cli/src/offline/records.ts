import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import {
  type Attempt,
  attempt,
  type ExecRecord,
  execRecord,
  type Flow,
  flow,
  type Problem,
} from "@ringwall/model";
import { failure } from "../failure.ts";

/** A line of a file: its number, and the record or what is wrong with it. */
export type RecordLine<T> =
  | { readonly line: number; readonly record: T | ExecRecord }
  | { readonly line: number; readonly problem: Problem };

const LINE_LENGTH_MAX = 1_000_000;

/** Streams records (NDJSON; gzip by the name `.gz`; `-` is standard input) in constant memory. Throws Failure for what can't be read. */
export async function* readRecords<Kind extends "flow" | "attempt">(
  file: string,
  kind: Kind,
): AsyncGenerator<RecordLine<Kind extends "flow" ? Flow : Attempt>> {
  const schema = kind === "flow" ? flow : attempt;
  let number = 0;
  for await (const line of linesOf(file)) {
    number++;
    if (line.trim() === "") continue;
    // The schema was chosen by the kind.
    yield parseLine(file, number, line, schema) as RecordLine<Kind extends "flow" ? Flow : Attempt>;
  }
}

function parseLine(
  file: string,
  line: number,
  text: string,
  schema: typeof flow | typeof attempt,
): RecordLine<Attempt> {
  const wrong = (message: string, fix: string): RecordLine<Attempt> => ({
    line,
    problem: { code: "bad-record", severity: "error", message, fix, place: { file, line, column: 1 } },
  });
  if (text.length > LINE_LENGTH_MAX)
    return wrong(`the line is longer than ${LINE_LENGTH_MAX} characters`, "one record a line");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return wrong(
      "the line is not JSON",
      "write one record per line, or pass over such lines with --keep-going",
    );
  }
  const isExec = typeof value === "object" && value !== null && "exec" in value;
  const parsed = isExec ? execRecord.safeParse(value) : schema.safeParse(value);
  if (parsed.success) return { line, record: parsed.data };
  const [issue] = parsed.error.issues;
  if (issue?.code === "unrecognized_keys")
    return wrong(
      `unknown key \`${[...issue.path, issue.keys[0]].join(".")}\``,
      "the keys are listed in docs/policy.md",
    );
  const where = issue?.path.join(".") ?? "";
  return wrong(
    `\`${where === "" ? "record" : where}\`: ${issue?.message ?? "not a record"}`,
    "the keys are listed in docs/policy.md",
  );
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const raw: Readable = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 1 << 20 });
  const input = file.endsWith(".gz") ? raw.pipe(createGunzip()) : raw;
  if (input !== raw) raw.once("error", (error) => input.destroy(error));
  input.setEncoding("utf8");
  let rest = "";
  try {
    for await (const chunk of input) {
      const parts = `${rest}${chunk}`.split("\n");
      rest = parts.pop() ?? "";
      yield* parts;
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw failure(
      "unreadable-input",
      `cannot read \`${file}\`: ${code === "ENOENT" ? "no such file" : code}`,
      "check the path",
    );
  }
  if (rest !== "") yield rest;
}
