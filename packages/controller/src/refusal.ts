import type { Problem } from "@ringwall/model";

/** Why a request of a person can't be done: data, not an exception. Becomes an RFC 9457 problem. */
export type Refusal = {
  readonly status: 400 | 401 | 403 | 404 | 409 | 410 | 422 | 429 | 503;
  /** Stable, in docs/errors.md. */
  readonly code: string;
  /** Lower case, no final period, the user's words in backticks. */
  readonly detail: string;
  readonly fix?: string;
  readonly problems?: readonly Problem[];
};

export function refusal(
  status: Refusal["status"],
  code: string,
  detail: string,
  more: { readonly fix?: string; readonly problems?: readonly Problem[] } = {},
): Refusal {
  return { status, code, detail, ...more };
}
