import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { reviewBody } from "@ringwall/protocol/rest";
import { rejectionsOf, reviewed } from "./proposal.ts";
import type { Flow, MapEdge, MapNode, MockState, ProposalView } from "./types.ts";

const FLOWS_LIMIT_DEFAULT = 1_000;
const SECONDS_PER = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** Answers the users' API from a state; false where a path is not the API's. Serves dev, demo and every test. */
export function mockHandler(
  state: MockState,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    const url = new URL(request.url ?? "/", "http://mock");
    if (!url.pathname.startsWith("/api/")) return false;
    if (!state.signedIn) problem(response, 401, "not-signed-in", "no session, or one that has ended");
    else if (url.pathname === "/api/v1/events") stream(state, request, response);
    else if (request.method === "GET") answer(state, url, response);
    else void change(state, request, url, response);
    return true;
  };
}

/** Reviews, as the API takes them: what is said shows in every later answer. */
async function change(
  state: MockState,
  request: IncomingMessage,
  url: URL,
  response: ServerResponse,
): Promise<void> {
  const body = await text(request);
  const [, id] = /^\/api\/v1\/rejections\/(\d+)$/.exec(url.pathname) ?? [];
  if (id !== undefined && request.method === "DELETE") {
    state.rejections = state.rejections.filter((one) => one.id !== Number(id));
    return send(response, { forgotten: Number(id) });
  }
  if (url.pathname !== "/api/v1/proposal/review" || state.proposal === null)
    return problem(response, 404, "no-such-route", `nothing is at \`${url.pathname}\``);
  const { decisions } = reviewBody.parse(JSON.parse(body));
  let next: ProposalView | null = state.proposal;
  for (const decision of decisions) next = next === null ? null : reviewed(next, decision);
  if (next === null) return problem(response, 404, "unknown-rule", "no such rule was proposed");
  state.proposal = next;
  state.rejections = rejectionsOf(next);
  return send(response, next);
}

function answer(state: MockState, url: URL, response: ServerResponse): void {
  if (url.pathname === "/api/v1/proposal" && state.proposal === null) {
    problem(response, 404, "no-proposal", "the learner has proposed nothing yet");
    return;
  }
  const reply = read(state, url);
  if (reply === null) {
    problem(response, 404, "no-such-route", `nothing is at \`${url.pathname}\``);
    return;
  }
  send(response, reply);
}

function send(response: ServerResponse, reply: object): void {
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(reply));
}

function read(state: MockState, url: URL): object | null {
  const since = url.searchParams.get("since");
  switch (url.pathname) {
    case "/api/v1/status":
      return state.status;
    case "/api/v1/workloads":
      return { workloads: state.workloads };
    case "/api/v1/software":
      return { software: state.software, truncated: false };
    case "/api/v1/segments":
      return { segments: state.segments };
    case "/api/v1/policies":
      return { policies: state.policies };
    case "/api/v1/alerts":
      return { alerts: state.alerts };
    case "/api/v1/revisions":
      return { revisions: state.revisions };
    case "/api/v1/proposal":
      return state.proposal;
    case "/api/v1/paths":
      return { paths: state.paths };
    case "/api/v1/rejections":
      return { rejections: state.rejections };
    case "/api/v1/map":
      return mapOf(state, edgesSince(state, since));
    case "/api/v1/flows":
      return { flows: flowsOf(state, url.searchParams) };
    default:
      return null;
  }
}

function edgesSince(state: MockState, since: string | null): readonly MapEdge[] {
  const match = /^(\d+)([smhd])$/.exec(since ?? "");
  if (match === null) return state.edges;
  const seconds = Number(match[1]) * SECONDS_PER[match[2] as keyof typeof SECONDS_PER];
  const from = new Date(Date.now() - seconds * 1000).toISOString();
  return state.edges.filter((edge) => edge.lastSeen >= from);
}

function mapOf(state: MockState, edges: readonly MapEdge[]): { nodes: MapNode[]; edges: readonly MapEdge[] } {
  const software = new Map<string, Set<string>>();
  const note = (node: string, name: string | null) => {
    const names = software.get(node) ?? new Set<string>();
    if (name !== null) names.add(name);
    software.set(node, names);
  };
  for (const edge of edges) {
    note(edge.source, edge.sourceSoftware);
    note(edge.destination, edge.destinationSoftware);
  }
  const segments = new Map(state.workloads.map((workload) => [workload.name, workload.segments]));
  for (const workload of state.workloads)
    if (!software.has(workload.name)) software.set(workload.name, new Set());
  const nodes = [...software].map(([id, names]): MapNode => {
    const kind = segments.has(id) ? "workload" : "address";
    return { id, kind, segments: segments.get(id) ?? [], software: [...names].sort() };
  });
  return { nodes, edges };
}

function flowsOf(state: MockState, query: URLSearchParams): Flow[] {
  const workload = query.get("workload");
  const verdict = query.get("verdict");
  const limit = Number(query.get("limit") ?? FLOWS_LIMIT_DEFAULT);
  const managed = new Map(state.workloads.map((item) => [item.name, item.addresses[0]]));
  return edgesSince(state, query.get("since"))
    .filter((edge) => workload === null || edge.source === workload || edge.destination === workload)
    .filter((edge) => verdict === null || edge.outcome === verdict)
    .toSorted((left, right) => right.lastSeen.localeCompare(left.lastSeen))
    .slice(0, limit)
    .map((edge) => flowOf(edge, managed));
}

function flowOf(edge: MapEdge, managed: ReadonlyMap<string, string | undefined>): Flow {
  const end = (node: string, software: string | null): Flow["src"] => {
    const ip = managed.has(node)
      ? managed.get(node)
      : node === "internet"
        ? "203.0.113.9"
        : node.replace(/0\/\d+$/, "9");
    const exe =
      software === null ? {} : { exe: software.startsWith("/") ? software : `/usr/bin/${software}` };
    return { workload: managed.has(node) ? node : null, ip: ip ?? null, ...exe };
  };
  return {
    time: edge.lastSeen,
    until: edge.lastSeen,
    count: edge.count,
    reporter: edge.verification === "attested" ? "joined" : "source",
    proto: edge.proto as Flow["proto"],
    ...(edge.port === null ? {} : { port: edge.port }),
    state: edge.outcome === "blocked" ? "denied" : "established",
    verification: edge.verification,
    verdict: edge.outcome,
    src: end(edge.source, edge.sourceSoftware),
    dst: end(edge.destination, edge.destinationSoftware),
    bytesOut: edge.bytesOut,
    bytesIn: edge.bytesIn,
  };
}

function stream(state: MockState, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write("retry: 500\n\n");
  const listener = (event: { readonly kind: string; readonly data: unknown }) => {
    response.write(`event: ${event.kind}\ndata: ${JSON.stringify(event.data)}\n\n`);
  };
  state.listeners.add(listener);
  request.on("close", () => state.listeners.delete(listener));
}

function problem(response: ServerResponse, status: number, code: string, detail: string): void {
  response.writeHead(status, { "content-type": "application/problem+json" });
  response.end(JSON.stringify({ type: "about:blank", title: code, status, code, detail }));
}
