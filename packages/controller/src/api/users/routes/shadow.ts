import { shadowBody, shadowView } from "@ringwall/protocol/rest";
import type { UsersApp } from "../app.ts";
import { actorOf } from "../authenticate.ts";
import type { UserServices } from "../services.ts";
import { answer, replies } from "./replies.ts";

/** The draft beside what is in force. */
export function registerShadow(app: UsersApp, services: UserServices): void {
  app.get(
    "/api/v1/shadow",
    { schema: { operationId: "shadow", response: replies(shadowView) } },
    async (_request, reply) => answer(reply, await services.shadow()),
  );
  app.post(
    "/api/v1/shadow",
    { schema: { operationId: "startShadow", body: shadowBody, response: replies(shadowView) } },
    async (request, reply) => answer(reply, await services.startShadow(request.body, actorOf(request))),
  );
  app.delete(
    "/api/v1/shadow",
    { schema: { operationId: "stopShadow", response: replies(shadowView) } },
    async (request, reply) => answer(reply, await services.stopShadow(actorOf(request))),
  );
}
