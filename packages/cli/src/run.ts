import type { Command } from "commander";
import type { ExitCode } from "./failure.ts";

/** What each command module exports: declares the command. It imports nothing heavy; the action does that, when it runs. */
export type Register = (program: Command) => void;

/** Makes a commander action of a function that returns the exit code. */
export function run<Args extends readonly unknown[]>(
  action: (...args: Args) => Promise<ExitCode>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    process.exitCode = await action(...args);
  };
}
