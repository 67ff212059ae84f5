import { createRingwallClient } from "@ringwall/protocol/client";
import { queryOptions } from "@tanstack/react-query";
import { ApiProblem } from "./api-problem.ts";
import type { Outcome, ProblemDetails } from "./types.ts";

/** Rows of one Flows page; the controller keeps more, and the filters reach them. */
export const FLOWS_LIMIT = 10_000;

export const client = createRingwallClient();

type Answer<T> = {
  readonly data?: T | undefined;
  readonly error?: Partial<ProblemDetails> | undefined;
  readonly response: Response;
};

/** The data, or what the controller had against it as an error that pages can show. */
export async function expectData<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok || data === undefined) throw new ApiProblem(response.status, error);
  return data;
}

export const statusQuery = queryOptions({
  queryKey: ["status"],
  queryFn: ({ signal }) => expectData(client.GET("/api/v1/status", { signal })),
});

export const workloadsQuery = queryOptions({
  queryKey: ["workloads"],
  queryFn: async ({ signal }) => (await expectData(client.GET("/api/v1/workloads", { signal }))).workloads,
});

export const softwareQuery = queryOptions({
  queryKey: ["software"],
  queryFn: ({ signal }) => expectData(client.GET("/api/v1/software", { signal })),
});

export const pathsQuery = queryOptions({
  queryKey: ["paths"],
  queryFn: async ({ signal }) => (await expectData(client.GET("/api/v1/paths", { signal }))).paths,
});

export const segmentsQuery = queryOptions({
  queryKey: ["segments"],
  queryFn: async ({ signal }) => (await expectData(client.GET("/api/v1/segments", { signal }))).segments,
});

export const policiesQuery = queryOptions({
  queryKey: ["policies"],
  queryFn: async ({ signal }) => (await expectData(client.GET("/api/v1/policies", { signal }))).policies,
});

export const alertsQuery = queryOptions({
  queryKey: ["alerts"],
  queryFn: async ({ signal }) => (await expectData(client.GET("/api/v1/alerts", { signal }))).alerts,
});

export const revisionsQuery = queryOptions({
  queryKey: ["revisions"],
  queryFn: async ({ signal }) => (await expectData(client.GET("/api/v1/revisions", { signal }))).revisions,
});

/** Null while the learner has proposed nothing: that is no fault. */
export const proposalQuery = queryOptions({
  queryKey: ["proposal"],
  queryFn: async ({ signal }) => {
    // Asked first, since browsers complain of an answer that is no success.
    const { proposedAt } = await expectData(client.GET("/api/v1/status", { signal }));
    return proposedAt === null ? null : expectData(client.GET("/api/v1/proposal", { signal }));
  },
});

export const rejectionsQuery = queryOptions({
  queryKey: ["rejections"],
  queryFn: async ({ signal }) => (await expectData(client.GET("/api/v1/rejections", { signal }))).rejections,
});

export function mapQuery(since: string) {
  return queryOptions({
    queryKey: ["map", since],
    queryFn: ({ signal }) => expectData(client.GET("/api/v1/map", { params: { query: { since } }, signal })),
  });
}

export type FlowsFilter = {
  readonly since: string;
  readonly workload: string | undefined;
  readonly verdict: Outcome | undefined;
};

export function flowsQuery(filter: FlowsFilter) {
  const { since, workload, verdict } = filter;
  const query = {
    since,
    limit: FLOWS_LIMIT,
    ...(workload === undefined ? {} : { workload }),
    ...(verdict === undefined ? {} : { verdict }),
  };
  return queryOptions({
    queryKey: ["flows", query],
    queryFn: async ({ signal }) =>
      (await expectData(client.GET("/api/v1/flows", { params: { query }, signal }))).flows,
  });
}
