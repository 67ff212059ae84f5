import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import * as rest from "@ringwall/protocol/rest";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";

/** Schemas that get a name of their own in the OpenAPI document, and so in the generated types. */
const NAMED = {
  AlertView: rest.alertView,
  AuditView: rest.auditView,
  DriftReply: rest.driftReply,
  FindingView: rest.findingView,
  Flow: rest.flow,
  MapEdge: rest.mapEdge,
  MapNode: rest.mapNode,
  MapView: rest.mapView,
  PathView: rest.pathView,
  PendingConfirm: rest.pendingConfirm,
  PolicyView: rest.policyView,
  ProposalView: rest.proposalView,
  ProposedRule: rest.proposedRule,
  ProblemDetails: rest.problemDetails,
  ReadinessView: rest.readinessView,
  RejectionView: rest.rejectionView,
  Resource: rest.resource,
  RevisionView: rest.revisionView,
  SegmentView: rest.segmentView,
  SimulateReply: rest.simulateReply,
  SoftwareView: rest.softwareView,
  StatusView: rest.statusView,
  WorkloadView: rest.workloadView,
} as const;

/** OpenAPI 3.1 from the same zod schemas that check requests and replies. */
export function openApiOptions(): FastifyDynamicSwaggerOptions {
  const schemaRegistry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED)) schemaRegistry.add(schema, { id });
  const options = { schemaRegistry };
  return {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Ringwall", version: "1", description: "The users' API of the Ringwall controller." },
      components: {
        securitySchemes: {
          bearer: { type: "http", scheme: "bearer" },
          session: { type: "apiKey", in: "cookie", name: "ringwall_session" },
        },
      },
      security: [{ bearer: [] }, { session: [] }],
    },
    transform: createJsonSchemaTransform(options),
    transformObject: createJsonSchemaTransformObject(options),
  };
}

type Node = { readonly [key: string]: unknown };

/** The document without what only makes it longer: unused components, and patterns that `format` says already. */
export function trimDocument(document: Node): Node {
  let text = JSON.stringify(document, (key, value: unknown) =>
    isNode(value) && "format" in value && "pattern" in value && key !== "properties"
      ? Object.fromEntries(Object.entries(value).filter(([name]) => name !== "pattern"))
      : value,
  );
  for (;;) {
    const parsed = JSON.parse(text) as { components?: { schemas?: Record<string, unknown> } };
    const schemas = parsed.components?.schemas ?? {};
    const unused = Object.keys(schemas).filter((name) => !text.includes(`"#/components/schemas/${name}"`));
    if (unused.length === 0) return parsed;
    for (const name of unused) delete schemas[name];
    text = JSON.stringify(parsed);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
