import type { Problem } from "@ringwall/model";

/** Exit codes of every command: the answer is yes or done, the answer is "no", the input or the call is wrong. */
export type ExitCode = 0 | 1 | 2;

/**
 * Ends a command with messages for people. Thrown anywhere below a command's action and printed in one place (main.ts);
 * anything else that is thrown is a bug and is reported as one.
 */
export class Failure extends Error {
  readonly problems: readonly Problem[];
  readonly exitCode: 1 | 2;

  constructor(problems: readonly Problem[], exitCode: 1 | 2 = 2, options?: ErrorOptions) {
    super(problems.map((problem) => problem.message).join("; "), options);
    this.name = "Failure";
    this.problems = problems;
    this.exitCode = exitCode;
  }
}

/** A failure of one problem: what is wrong, and what to do about it. */
export function failure(code: string, message: string, fix?: string, exitCode: 1 | 2 = 2): Failure {
  const problem: Problem = { code, severity: "error", message, ...(fix === undefined ? {} : { fix }) };
  return new Failure([problem], exitCode);
}
