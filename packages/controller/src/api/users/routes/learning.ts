import {
  driftReply,
  learnBody,
  learnReply,
  proposalView,
  rejectionForgottenReply,
  rejectionsReply,
  reviewBody,
  timeQuery,
} from "@ringwall/protocol/rest";
import { z } from "zod";
import type { UsersApp } from "../app.ts";
import { actorOf } from "../authenticate.ts";
import type { UserServices } from "../services.ts";
import { answer, replies } from "./replies.ts";

/** The learner's proposal, its review, and what drifted since. */
export function registerLearning(app: UsersApp, services: UserServices): void {
  app.post(
    "/api/v1/learn",
    { schema: { operationId: "learn", body: learnBody, response: replies(learnReply) } },
    async (request, reply) => answer(reply, await services.learn(request.body, actorOf(request))),
  );
  app.get(
    "/api/v1/proposal",
    { schema: { operationId: "proposal", response: replies(proposalView) } },
    async (_request, reply) => answer(reply, await services.proposal()),
  );
  app.post(
    "/api/v1/proposal/review",
    { schema: { operationId: "review", body: reviewBody, response: replies(proposalView) } },
    async (request, reply) => answer(reply, await services.review(request.body, actorOf(request))),
  );
  app.get(
    "/api/v1/rejections",
    { schema: { operationId: "rejections", response: replies(rejectionsReply) } },
    async () => ({ rejections: [...(await services.rejections())] }),
  );
  app.delete(
    "/api/v1/rejections/:id",
    {
      schema: {
        operationId: "forgetRejection",
        params: z.object({ id: z.coerce.number().int() }),
        response: replies(rejectionForgottenReply),
      },
    },
    async (request, reply) =>
      answer(reply, await services.forgetRejection(request.params.id, actorOf(request))),
  );
  app.get(
    "/api/v1/drift",
    { schema: { operationId: "drift", querystring: timeQuery, response: replies(driftReply) } },
    async (request) => services.drift(request.query.since),
  );
}
