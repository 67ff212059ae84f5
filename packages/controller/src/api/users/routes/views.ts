import {
  alertView,
  auditView,
  flowsQuery,
  flowsReply,
  mapView,
  pathView,
  policyView,
  revisionsReply,
  segmentView,
  softwareReply,
  statusView,
  timeQuery,
  upgradeView,
  workloadView,
} from "@ringwall/protocol/rest";
import { z } from "zod";
import type { UsersApp } from "../app.ts";
import type { UserServices } from "../services.ts";
import { replies } from "./replies.ts";

/** Everything that is only read. */
export function registerViews(app: UsersApp, services: UserServices): void {
  app.get("/api/v1/status", { schema: { operationId: "status", response: replies(statusView) } }, async () =>
    services.status(),
  );
  app.get(
    "/api/v1/workloads",
    {
      schema: { operationId: "workloads", response: replies(z.object({ workloads: z.array(workloadView) })) },
    },
    async () => ({ workloads: [...(await services.workloads())] }),
  );
  app.get(
    "/api/v1/software",
    { schema: { operationId: "software", response: replies(softwareReply) } },
    async () => services.software(),
  );
  app.get(
    "/api/v1/upgrades",
    { schema: { operationId: "upgrades", response: replies(z.object({ upgrades: z.array(upgradeView) })) } },
    async () => ({ upgrades: [...(await services.upgrades())] }),
  );
  app.get(
    "/api/v1/segments",
    { schema: { operationId: "segments", response: replies(z.object({ segments: z.array(segmentView) })) } },
    async () => ({ segments: [...(await services.segments())] }),
  );
  app.get(
    "/api/v1/policies",
    { schema: { operationId: "policies", response: replies(z.object({ policies: z.array(policyView) })) } },
    async () => ({ policies: [...(await services.policies())] }),
  );
  app.get(
    "/api/v1/alerts",
    { schema: { operationId: "alerts", response: replies(z.object({ alerts: z.array(alertView) })) } },
    async () => ({ alerts: [...(await services.alerts())] }),
  );
  app.get(
    "/api/v1/paths",
    { schema: { operationId: "paths", response: replies(z.object({ paths: z.array(pathView) })) } },
    async () => ({ paths: [...(await services.paths())] }),
  );
  app.get(
    "/api/v1/audit",
    { schema: { operationId: "audit", response: replies(z.object({ audit: z.array(auditView) })) } },
    async () => ({ audit: [...(await services.audit())] }),
  );
  app.get(
    "/api/v1/revisions",
    { schema: { operationId: "revisions", response: replies(revisionsReply) } },
    async () => ({ revisions: [...(await services.revisions())] }),
  );
  app.get(
    "/api/v1/flows",
    { schema: { operationId: "flows", querystring: flowsQuery, response: replies(flowsReply) } },
    async (request) => services.flows(request.query),
  );
  app.get(
    "/api/v1/map",
    { schema: { operationId: "map", querystring: timeQuery, response: replies(mapView) } },
    async (request) => services.map(request.query.since),
  );
}
