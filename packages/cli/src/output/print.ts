import { styleText } from "node:util";
import type { Problem } from "@ringwall/model";
import { commandName } from "../command-name.ts";
import { clean, cleanLines } from "./clean.ts";

export type Style = Parameters<typeof styleText>[0];

/** Colours text where the stream is a terminal and NO_COLOR is not set. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream, validateStream: true });
}

/** A line (or several) on standard output. */
export function say(text = ""): void {
  process.stdout.write(`${text}\n`);
}

/** A line on standard error: hints, progress, warnings; never data. Commands in it can be pasted. */
export function note(text: string): void {
  process.stderr.write(`${text.replaceAll("`ringwall ", `\`${commandName()} `)}\n`);
}

/** NDJSON: one value a line. What JSON leaves alone and a terminal would obey is escaped as well. */
export function sayJson(value: unknown): void {
  process.stdout.write(`${clean(JSON.stringify(value))}\n`);
}

/** Prints problems as `formatProblem` of the model writes them, on standard error. */
export async function printProblems(problems: readonly Problem[]): Promise<void> {
  const { formatProblem } = await import("@ringwall/model");
  for (const problem of problems) {
    const tag = `${problem.severity}[${problem.code}]`;
    const painted = paint(problem.severity === "error" ? "red" : "yellow", tag, process.stderr);
    note(cleanLines(formatProblem(problem)).replace(tag, () => painted));
  }
}
