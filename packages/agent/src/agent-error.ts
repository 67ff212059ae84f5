import { formatProblem, type Problem } from "@ringwall/model";

/**
 * The agent can't do what it was asked to, for reasons its user can mend: each problem has a code, says what and what
 * to do about it. The command line prints them with `formatProblem` and exits 2; it is never a bug.
 */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], cause?: unknown) {
    super(problems.map(formatProblem).join("\n"), cause === undefined ? undefined : { cause });
    this.problems = problems;
  }
}

/** One problem without a place in a file. */
export function agentError(code: string, message: string, fix: string, cause?: unknown): AgentError {
  return new AgentError([{ code, severity: "error", message, fix }], cause);
}
