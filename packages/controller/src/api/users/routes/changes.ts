import {
  changeReply,
  confirmReply,
  draftBody,
  draftReply,
  modeBody,
  provisionBody,
  rollbackBody,
  simulateBody,
  simulateReply,
} from "@ringwall/protocol/rest";
import type { UsersApp } from "../app.ts";
import { actorOf } from "../authenticate.ts";
import type { UserServices } from "../services.ts";
import { answer, replies } from "./replies.ts";

/** Draft, simulate, provision, confirm, roll back. */
export function registerChanges(app: UsersApp, services: UserServices): void {
  app.get("/api/v1/draft", { schema: { operationId: "draft", response: replies(draftReply) } }, async () =>
    services.draft(),
  );
  app.put(
    "/api/v1/draft",
    { schema: { operationId: "replaceDraft", body: draftBody, response: replies(draftReply) } },
    async (request, reply) => answer(reply, await services.replaceDraft(request.body, actorOf(request))),
  );
  app.post(
    "/api/v1/simulate",
    { schema: { operationId: "simulate", body: simulateBody, response: replies(simulateReply) } },
    async (request, reply) => answer(reply, await services.simulate(request.body)),
  );
  app.post(
    "/api/v1/provision",
    { schema: { operationId: "provision", body: provisionBody, response: replies(changeReply) } },
    async (request, reply) => answer(reply, await services.provision(request.body, actorOf(request))),
  );
  app.post(
    "/api/v1/mode",
    { schema: { operationId: "setMode", body: modeBody, response: replies(changeReply) } },
    async (request, reply) => answer(reply, await services.mode(request.body, actorOf(request))),
  );
  app.post(
    "/api/v1/confirm",
    { schema: { operationId: "confirm", response: replies(confirmReply) } },
    async (request, reply) => answer(reply, await services.confirm(actorOf(request))),
  );
  app.post(
    "/api/v1/rollback",
    { schema: { operationId: "rollback", body: rollbackBody, response: replies(changeReply) } },
    async (request, reply) => answer(reply, await services.rollback(request.body, actorOf(request))),
  );
}
