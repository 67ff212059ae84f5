import { CommanderError } from "commander";
import { Failure } from "./failure.ts";
import { note, printProblems } from "./output/print.ts";
import { buildProgram } from "./program.ts";

/** Runs one command; sets the exit code and returns, so that output is flushed. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    const program = await buildProgram(argv);
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    process.exitCode = await report(error);
  }
}

async function report(error: unknown): Promise<0 | 1 | 2> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Failure) {
    await printProblems(error.problems);
    return error.exitCode;
  }
  if (process.env["RINGWALL_DEBUG"] === "1") console.error(error);
  const text = error instanceof Error ? error.message : String(error);
  note(
    `error[bug]: ${text}\n  fix: this is a fault in ringwall; RINGWALL_DEBUG=1 shows where, please report it`,
  );
  return 2;
}

/** A reader that has seen enough (`| head`) is no fault. */
function endQuietlyOnClosedPipe(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

/** Nobody could be told of it, and the command goes on: standard error may be on a full disk, or its reader gone. */
function goOnWithoutStderr(): void {
  process.stderr.on("error", () => undefined);
}

if (import.meta.main) {
  endQuietlyOnClosedPipe();
  goOnWithoutStderr();
  await main(process.argv.slice(2));
}
