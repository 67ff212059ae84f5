import { useMutation, useQueryClient } from "@tanstack/react-query";
import { client, expectData, proposalQuery, rejectionsQuery } from "./queries.ts";
import type { ReviewState } from "./types.ts";

/** What a person says of a proposed rule; a rejection has its reason. */
export type Decision = { readonly rule: string; readonly state: ReviewState; readonly reason: string };

/** Says a word on a rule. What the controller answers is shown at once; its event refetches the rest. */
export function useReview() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ rule, state, reason }: Decision) => {
      const decision = state === "rejected" ? { rule, state, reason } : { rule, state };
      return expectData(client.POST("/api/v1/proposal/review", { body: { decisions: [decision] } }));
    },
    onSuccess: (proposal) => {
      queries.setQueryData(proposalQuery.queryKey, proposal);
      return queries.invalidateQueries({ queryKey: rejectionsQuery.queryKey });
    },
  });
}

/** Forgets a rejection: the learner may propose the rule again. */
export function useForgetRejection() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: number) =>
      expectData(client.DELETE("/api/v1/rejections/{id}", { params: { path: { id } } })),
    onSuccess: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: rejectionsQuery.queryKey }),
        queries.invalidateQueries({ queryKey: proposalQuery.queryKey }),
      ]),
  });
}
