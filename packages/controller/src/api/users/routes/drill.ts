import { drillBody, drillPair, drillRun, drillsReply, drillView } from "@ringwall/protocol/rest";
import type { UsersApp } from "../app.ts";
import { actorOf } from "../authenticate.ts";
import type { UserServices } from "../services.ts";
import { answer, replies } from "./replies.ts";

/** Attempts through the bypass list between two hosts. */
export function registerDrill(app: UsersApp, services: UserServices): void {
  app.get(
    "/api/v1/drills",
    { schema: { operationId: "drills", response: replies(drillsReply) } },
    async (_request, reply) => reply.send(await services.drills()),
  );
  app.get(
    "/api/v1/drills/:run",
    { schema: { operationId: "drill", params: drillRun, response: replies(drillView) } },
    async (request, reply) => answer(reply, await services.drill(request.params.run)),
  );
  app.post(
    "/api/v1/drills",
    { schema: { operationId: "startDrill", body: drillBody, response: replies(drillView) } },
    async (request, reply) => answer(reply, await services.startDrill(request.body, actorOf(request))),
  );
  app.delete(
    "/api/v1/drills/schedules",
    { schema: { operationId: "stopDrills", querystring: drillPair, response: replies(drillsReply) } },
    async (request, reply) => answer(reply, await services.stopDrills(request.query, actorOf(request))),
  );
}
