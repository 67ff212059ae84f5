import {
  enrollmentTokenBody,
  enrollmentTokenReply,
  name,
  pauseBody,
  pauseReply,
  signInReply,
  workloadLabelsBody,
  workloadRemovedReply,
  workloadView,
} from "@ringwall/protocol/rest";
import { z } from "zod";
import type { UsersApp } from "../app.ts";
import { actorOf } from "../authenticate.ts";
import type { SignIn, UserServices } from "../services.ts";
import { answer, replies } from "./replies.ts";

/** Enrolment tokens, labels, sign-in links. */
export function registerAdmin(app: UsersApp, services: UserServices, signIn: SignIn): void {
  app.post(
    "/api/v1/enrollment-tokens",
    {
      schema: {
        operationId: "createEnrollmentToken",
        body: enrollmentTokenBody,
        response: replies(enrollmentTokenReply),
      },
    },
    async (request, reply) =>
      answer(reply, await services.createEnrollmentToken(request.body, actorOf(request))),
  );
  app.put(
    "/api/v1/workloads/:name/labels",
    {
      schema: {
        operationId: "labelWorkload",
        params: z.object({ name }),
        body: workloadLabelsBody,
        response: replies(workloadView),
      },
    },
    async (request, reply) =>
      answer(reply, await services.labelWorkload(request.params.name, request.body.labels, actorOf(request))),
  );
  app.post(
    "/api/v1/workloads/:name/pause",
    {
      schema: {
        operationId: "pauseWorkload",
        params: z.object({ name }),
        body: pauseBody,
        response: replies(pauseReply),
      },
    },
    async (request, reply) =>
      answer(reply, await services.pauseWorkload(request.params.name, request.body, actorOf(request))),
  );
  app.delete(
    "/api/v1/workloads/:name",
    {
      schema: {
        operationId: "removeWorkload",
        params: z.object({ name }),
        response: replies(workloadRemovedReply),
      },
    },
    async (request, reply) =>
      answer(reply, await services.removeWorkload(request.params.name, actorOf(request))),
  );
  app.post(
    "/api/v1/sign-in-links",
    { schema: { operationId: "createSignInLink", response: replies(signInReply) } },
    async () => signIn.createLink(),
  );
}
