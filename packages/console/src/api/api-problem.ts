import type { ProblemDetails } from "./types.ts";

/** An answer of the controller that is not what was asked for: RFC 9457 problem details, or no JSON at all. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly fix: string | null;

  constructor(status: number, details: Partial<ProblemDetails> | undefined) {
    super(details?.detail ?? details?.title ?? `the controller answered with status ${status}`);
    this.name = "ApiProblem";
    this.status = status;
    this.code = details?.code ?? "unexpected-answer";
    this.fix = details?.fix ?? null;
  }
}

export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiProblem && error.status === 401;
}
