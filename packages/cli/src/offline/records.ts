import {
  type Attempt,
  attempt,
  type ExecRecord,
  execRecord,
  type Flow,
  type FlowEnd,
  flow,
  flowEnd,
  type Problem,
  parseAddress,
} from "@ringwall/model";
import { recordProblem } from "@ringwall/policy";
import { LINE_LENGTH_MAX, lineChunks, NEWLINE } from "./line-chunks.ts";

/** A line of a file: its number, and the record or what is wrong with it, which is found out only where it is asked. */
export type RecordLine<T> =
  | { readonly line: number; readonly record: T | ExecRecord }
  | { readonly line: number; readonly problem: () => Problem };

/** Streams records (NDJSON; gzip by the name `.gz`; `-` is standard input) in constant memory. Throws Failure for what can't be read. */
export async function* readRecords<Kind extends "flow" | "attempt">(
  file: string,
  kind: Kind,
): AsyncGenerator<RecordLine<Kind extends "flow" ? Flow : Attempt>> {
  const schema = kind === "flow" ? flow : attempt;
  let number = 0;
  for await (const chunk of lineChunks(file)) {
    for (let from = 0; from < chunk.length; ) {
      const end = endOfLine(chunk, from);
      const text = chunk.toString("utf8", from, end);
      from = end + 1;
      number++;
      // The schema was chosen by the kind.
      if (text.trim() !== "")
        yield parseLine(file, number, text, schema) as RecordLine<Kind extends "flow" ? Flow : Attempt>;
    }
  }
}

/** Offset of the newline, or behind the last line that has none. */
export function endOfLine(chunk: Buffer, from: number): number {
  const end = chunk.indexOf(NEWLINE, from);
  return end < 0 ? chunk.length : end;
}

/** One line of flows, which is not blank. */
export function parseFlow(file: string, line: number, text: string): RecordLine<Flow> {
  return parseLine(file, line, text, flow) as RecordLine<Flow>; // the schema is a flow's
}

/** An address and nothing else, as the internet's ends are: most of those that are new in a long file. */
const ADDRESS_ALONE = /^\{"ip":"([0-9.]+)"(?:,"port":(?:0|[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}))?\}$/;

/** One end of a flow, with or without its ephemeral port; null where the text is none. */
export function parseEnd(text: string): FlowEnd | null {
  const ip = ADDRESS_ALONE.exec(text)?.[1];
  if (ip !== undefined && parseAddress(ip) !== null) return { ip };
  try {
    const parsed = flowEnd.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null; // no JSON: the whole line will say so
  }
}

function parseLine(
  file: string,
  line: number,
  text: string,
  schema: typeof flow | typeof attempt,
): RecordLine<Attempt | Flow> {
  const wrong = (say: () => Wrong): RecordLine<Attempt | Flow> => ({
    line,
    problem: () => {
      const { message, fix, column = 1 } = say();
      return { code: "bad-record", severity: "error", message, fix, place: { file, line, column } };
    },
  });
  if (text.length > LINE_LENGTH_MAX)
    return wrong(() => ({
      message: `the line is longer than ${LINE_LENGTH_MAX} characters`,
      fix: "one record a line",
    }));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return wrong(() => ({
      message: "the line is not JSON",
      fix: "write one record per line, or pass over such lines with --keep-going",
      column: columnOf(error),
    }));
  }
  const isExec = typeof value === "object" && value !== null && "exec" in value;
  const asked = isExec ? execRecord : schema;
  const parsed = asked.safeParse(value);
  if (parsed.success) return { line, record: parsed.data };
  const { issues } = parsed.error;
  return wrong(() => recordProblem({ text, value, schema: asked, issues }));
}

type Wrong = { readonly message: string; readonly fix: string; readonly column?: number };

/** Where JSON ends to be some, which V8 tells of most faults. */
function columnOf(error: unknown): number {
  const at = error instanceof SyntaxError ? / at position (\d+)/.exec(error.message)?.[1] : undefined;
  return at === undefined ? 1 : Number(at) + 1;
}
