import { spawn } from "node:child_process";
import { addAbortSignal } from "node:stream";
import { endsWithAgent, givenUp } from "../end.ts";

/** Milliseconds that apt's and dpkg's tools may take for one answer. */
export const TOOL_MS_MAX = 120_000;
/** Bytes of an answer that is kept whole; longer ones are read as a stream. */
export const TOOL_OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** Characters of a line that are kept: a path has 4,096 bytes at most, and what stands before it is short. */
export const TOOL_LINE_MAX = 16_384;

export type ToolEnvironment = Readonly<Record<string, string>>;

/** Runs a tool to its end and gives its output; throws where it can't be run, fails or says too much. */
export async function runTool(
  command: string,
  args: readonly string[],
  environment: ToolEnvironment,
): Promise<string> {
  let text = "";
  for await (const chunk of streamTool(command, args, environment)) {
    text += chunk.toString("utf8");
    if (text.length > TOOL_OUTPUT_BYTES_MAX) throw new Error(`${command} said more than was expected`);
  }
  return text;
}

/** The same as a stream. Leaving it early ends the tool. */
export async function* streamTool(
  command: string,
  args: readonly string[],
  environment: ToolEnvironment,
): AsyncGenerator<Buffer> {
  const child = spawn(command, args, {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", ...environment },
    stdio: ["ignore", "pipe", "ignore"],
    ...endsWithAgent,
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), TOOL_MS_MAX);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  // Whoever leaves early does not wait for the end.
  ended.catch(() => undefined);
  // What the tool has started may hold it open.
  addAbortSignal(givenUp, child.stdout);
  try {
    for await (const chunk of child.stdout) yield chunk;
    const code = await ended;
    if (code !== 0) throw new Error(`${command} ended with ${code}`);
  } finally {
    clearTimeout(limit);
    child.kill("SIGKILL");
  }
}

/** The same line by line, whatever its length in all. */
export async function* toolLines(
  command: string,
  args: readonly string[],
  environment: ToolEnvironment,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of streamTool(command, args, environment)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = (lines.pop() ?? "").slice(0, TOOL_LINE_MAX);
    for (const line of lines) yield line.slice(0, TOOL_LINE_MAX);
  }
  if (rest !== "") yield rest;
}
