import type { ProblemDetails } from "@ringwall/protocol/rest";
import type { FastifyReply } from "fastify";
import type { Refusal } from "../../refusal.ts";

const TITLES: Readonly<Record<Refusal["status"], string>> = {
  400: "bad request",
  401: "not signed in",
  403: "not allowed",
  404: "not found",
  409: "conflict",
  410: "gone",
  422: "the input has problems",
  429: "too many requests",
  503: "not available",
};

/** RFC 9457 body of a refusal; `type` leads to the entry of docs/errors.md. */
export function problemOf(refusal: Refusal): ProblemDetails {
  return {
    type: `https://ringwall.dev/errors#${refusal.code}`,
    title: TITLES[refusal.status],
    status: refusal.status,
    code: refusal.code,
    detail: refusal.detail,
    ...(refusal.fix === undefined ? {} : { fix: refusal.fix }),
    ...(refusal.problems === undefined
      ? {}
      : { problems: refusal.problems.map((problem) => ({ ...problem })) }),
  };
}

export function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  return reply
    .code(refusal.status)
    .type("application/problem+json")
    .serializer(JSON.stringify)
    .send(problemOf(refusal));
}
