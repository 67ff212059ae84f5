import type { Result } from "@ringwall/model";
import { problemDetails } from "@ringwall/protocol/rest";
import type { FastifyReply } from "fastify";
import type { z } from "zod";
import type { Refusal } from "../../../refusal.ts";
import { sendRefusal } from "../problem.ts";

/** The responses every route has: its own, and a problem. */
export function replies<T extends z.ZodType>(success: T) {
  return { 200: success, "4xx": problemDetails, "5xx": problemDetails } as const;
}

/** The value, or the refusal as a problem. */
export function answer<T>(reply: FastifyReply, result: Result<T, Refusal>): FastifyReply {
  return result.ok ? reply.send(result.value) : sendRefusal(reply, result.error);
}
