/** Where in a user's text something stands. Lines and columns count from 1, columns in UTF-16 units. */
export type Place = { readonly file: string; readonly line: number; readonly column: number };

/** One thing wrong with an input. Problems are data: all of them at once, never thrown. */
export type Problem = {
  /** Stable code such as `unknown-key`; each has an entry in docs/errors.md. */
  readonly code: string;
  readonly severity: "error" | "warning";
  /** Lower case, no final period, the user's own words in backticks. */
  readonly message: string;
  /** What to do about it, in the same style. */
  readonly fix?: string;
  readonly place?: Place;
};

/** The outcome of something that bad input can make fail. */
export type Result<T, E = readonly Problem[]> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export function ok<T>(value: T): Result<T, never> {
  return { ok: true, value };
}

export function fail<E>(error: E): Result<never, E> {
  return { ok: false, error };
}

/** Ends an exhaustive `switch`: reaching it is a bug, not bad input. */
export function unreachable(value: never): never {
  throw new Error(`bug: unexpected case ${JSON.stringify(value)}`);
}

/** `FILE:LINE:COLUMN: severity[code]: message`, with the fix on a second line where there is one. */
export function formatProblem(problem: Problem): string {
  const { place } = problem;
  const where = place === undefined ? "" : `${place.file}:${place.line}:${place.column}: `;
  const fix = problem.fix === undefined ? "" : `\n  fix: ${problem.fix}`;
  return `${where}${problem.severity}[${problem.code}]: ${problem.message}${fix}`;
}
