import {
  alertView,
  flow,
  mapView,
  pathView,
  policyView,
  proposalView,
  rejectionsReply,
  revisionView,
  segmentView,
  softwareReply,
  statusView,
  workloadView,
} from "@ringwall/protocol/rest";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { isMockScenario, type MockScenario, startMockState } from "./scenarios.ts";
import { type ServedMock, serveMock } from "./serve.ts";

const scenarios: readonly MockScenario[] = ["three-tier", "one-host", "empty", "pending", "medium"];
const replies: Readonly<Record<string, z.ZodType>> = {
  status: statusView,
  map: mapView,
  workloads: z.object({ workloads: z.array(workloadView) }),
  software: softwareReply,
  segments: z.object({ segments: z.array(segmentView) }),
  policies: z.object({ policies: z.array(policyView) }),
  alerts: z.object({ alerts: z.array(alertView) }),
  revisions: z.object({ revisions: z.array(revisionView) }),
  rejections: rejectionsReply,
  paths: z.object({ paths: z.array(pathView) }),
  flows: z.object({ flows: z.array(flow) }),
};

const open: ServedMock[] = [];
afterAll(async () => {
  await Promise.all(open.map((served) => served.close()));
});

async function serve(scenario: MockScenario): Promise<string> {
  const served = await serveMock(startMockState(scenario, Date.now()));
  open.push(served);
  return served.url;
}

describe("the mock API", () => {
  it.each(scenarios)("answers as the API's schemas say, in the scenario %s", async (scenario) => {
    const url = await serve(scenario);
    for (const [name, schema] of Object.entries(replies)) {
      const reply = await fetch(`${url}/api/v1/${name}`);
      const parsed = schema.safeParse(await reply.json());
      expect(parsed.error?.issues ?? [], name).toEqual([]);
    }
  });

  it("answers for the learner's proposal as the API does", async () => {
    const known = await fetch(`${await serve("three-tier")}/api/v1/proposal`);
    expect(proposalView.safeParse(await known.json()).error?.issues ?? []).toEqual([]);
    const none = await fetch(`${await serve("empty")}/api/v1/proposal`);
    expect([none.status, ((await none.json()) as { code: string }).code]).toEqual([404, "no-proposal"]);
  });

  it("knows its scenarios and refuses others", () => {
    expect(scenarios.every(isMockScenario)).toBe(true);
    expect(isMockScenario("toString")).toBe(false);
  });

  it("filters flows as the API does", async () => {
    const url = await serve("three-tier");
    const reply = await fetch(`${url}/api/v1/flows?workload=db-1&verdict=blocked&limit=2`);
    const { flows } = z.object({ flows: z.array(flow) }).parse(await reply.json());
    expect(flows).toHaveLength(2);
    expect(flows.every((item) => item.verdict === "blocked" && item.dst.workload === "db-1")).toBe(true);
  });

  it("refuses without a session", async () => {
    const url = await serve("signed-out");
    expect((await fetch(`${url}/api/v1/status`)).status).toBe(401);
  });
});
