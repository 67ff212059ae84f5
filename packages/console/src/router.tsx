import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter } from "@tanstack/react-router";
import {
  alertsQuery,
  flowsQuery,
  mapQuery,
  policiesQuery,
  proposalQuery,
  rejectionsQuery,
  revisionsQuery,
  segmentsQuery,
  softwareQuery,
  statusQuery,
  workloadsQuery,
} from "./api/queries.ts";
import { startLayoutWorker } from "./components/map/layout-client.ts";
import { Shell } from "./components/Shell.tsx";
import { AlertsPage } from "./pages/AlertsPage.tsx";
import { FlowsPage } from "./pages/FlowsPage.tsx";
import { MapPage } from "./pages/MapPage.tsx";
import { NotFoundPage } from "./pages/NotFoundPage.tsx";
import { PoliciesPage } from "./pages/PoliciesPage.tsx";
import { ProblemPage } from "./pages/ProblemPage.tsx";
import { ReviewPage } from "./pages/ReviewPage.tsx";
import { RevisionsPage } from "./pages/RevisionsPage.tsx";
import { SegmentsPage } from "./pages/SegmentsPage.tsx";
import { SoftwarePage } from "./pages/SoftwarePage.tsx";
import { WorkloadsPage } from "./pages/WorkloadsPage.tsx";
import { PageLoading } from "./ui/PageLoading.tsx";
import {
  formatSearchText,
  parseFlowsSearch,
  parseListSearch,
  parseMapSearch,
  parseReviewSearch,
  parseSearchText,
  parseWorkloadsSearch,
  SINCE_DEFAULT,
} from "./util/path-builder.ts";

// Every page: the loader prefetches what the page reads with useSuspenseQuery; its state stands in the address.
type Context = { readonly queries: QueryClient };

const rootRoute = createRootRouteWithContext<Context>()({
  loader: ({ context }) => context.queries.ensureQueryData(statusQuery),
  component: Shell,
  errorComponent: ProblemPage,
  notFoundComponent: NotFoundPage,
});

const mapRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  validateSearch: parseMapSearch,
  loaderDeps: ({ search }) => ({ since: search.since ?? SINCE_DEFAULT }),
  loader: ({ context, deps }) => {
    startLayoutWorker();
    return context.queries.ensureQueryData(mapQuery(deps.since));
  },
  component: MapPage,
});

const segmentsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/segments",
  loader: ({ context }) => context.queries.ensureQueryData(segmentsQuery),
  component: SegmentsPage,
});

const workloadsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/workloads",
  validateSearch: parseWorkloadsSearch,
  loader: ({ context }) => context.queries.ensureQueryData(workloadsQuery),
  component: WorkloadsPage,
});

const softwareRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/software",
  validateSearch: parseListSearch,
  loader: ({ context }) => context.queries.ensureQueryData(softwareQuery),
  component: SoftwarePage,
});

const flowsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/flows",
  validateSearch: parseFlowsSearch,
  loaderDeps: ({ search: { since, workload, verdict } }) => ({
    since: since ?? SINCE_DEFAULT,
    workload,
    verdict,
  }),
  loader: ({ context, deps }) => context.queries.ensureQueryData(flowsQuery(deps)),
  component: FlowsPage,
});

const policiesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/policies",
  loader: ({ context }) => context.queries.ensureQueryData(policiesQuery),
  component: PoliciesPage,
});

const reviewRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/review",
  validateSearch: parseReviewSearch,
  loader: ({ context }) =>
    Promise.all([
      context.queries.ensureQueryData(proposalQuery),
      context.queries.ensureQueryData(rejectionsQuery),
    ]),
  component: ReviewPage,
});

const alertsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/alerts",
  loader: ({ context }) => context.queries.ensureQueryData(alertsQuery),
  component: AlertsPage,
});

const revisionsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/revisions",
  loader: ({ context }) => context.queries.ensureQueryData(revisionsQuery),
  component: RevisionsPage,
});

const routeTree = rootRoute.addChildren([
  mapRoute,
  segmentsRoute,
  workloadsRoute,
  softwareRoute,
  flowsRoute,
  policiesRoute,
  reviewRoute,
  alertsRoute,
  revisionsRoute,
]);

export function createConsoleRouter(queries: QueryClient) {
  return createRouter({
    routeTree,
    context: { queries },
    defaultPreload: "intent",
    defaultPendingComponent: PageLoading,
    defaultErrorComponent: ProblemPage,
    parseSearch: parseSearchText,
    stringifySearch: formatSearchText,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>;
  }
}
