import { spawn } from "node:child_process";

/** Who a child runs as; null = as the controller itself. */
export type ProcessUser = { readonly uid: number; readonly gid: number };

export type RunResult = { readonly status: number | null; readonly output: string };

/** Bytes of a short command's output that are kept for the message. */
const OUTPUT_BYTES_MAX = 64 * 1024;

/** Runs a short command to its end; its standard output and error come back together. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly user: ProcessUser | null; readonly timeoutMs: number; readonly cwd?: string },
): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: options.timeoutMs,
      cwd: options.cwd ?? "/",
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
      ...(options.user ?? {}),
    });
    let output = "";
    const keep = (chunk: Buffer) => {
      if (output.length < OUTPUT_BYTES_MAX) output += chunk.toString("utf8");
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => resolve({ status: null, output: error.message }));
    child.on("close", (status) => resolve({ status, output }));
  });
}
