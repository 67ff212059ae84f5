import { QueryClient } from "@tanstack/react-query";
import { ApiProblem } from "./api-problem.ts";

const RETRIES_MAX = 2;
/** What was fetched a moment ago is shown at once when a page is opened again; events refetch what changed. */
const STALE_MS = 10_000;

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: STALE_MS,
        // A problem is an answer; only silence is worth asking again.
        retry: (failures, error) => !(error instanceof ApiProblem) && failures < RETRIES_MAX,
      },
    },
  });
}
