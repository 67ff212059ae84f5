import type { Flow, Workload } from "@ringwall/model";
import type { AppGraph } from "../../lab/src/fleet/app-graph.ts";
import { edgesOfFlows, type LearnResult, learn } from "../src/index.ts";
import { type Bar, bar } from "./bars.ts";
import { fleetTrial } from "./fleet-trial.ts";
import { permittedTuples } from "./permitted.ts";

const DAY_MS = 86_400_000;
const HAND_WRITTEN_EDGES = 26;

/** The shop in three forms: a fleet of replicas, one workload per service by name only, and the same with labels. */
export function boutiqueBars(app: AppGraph): readonly Bar[] {
  const truth = new Set(app.calls.map((call) => call.join(" → ")));
  const trial = fleetTrial([app], 1, { share: 0.9, withLabels: false });
  const services = new Map(trial.fleet.hosts.map((host) => [host.name, host.service.split("/")[1] ?? ""]));
  // What a window withheld of a pair of single hosts, nobody can learn.
  const shown = new Set(
    trial.traffic.later.flatMap(({ pair, wasSeen }) =>
      pair.kind === "call" && wasSeen
        ? [`${services.get(pair.src?.name ?? "")} → ${services.get(pair.dst?.name ?? "")}`]
        : [],
    ),
  );
  const bars: [string, ReadonlySet<string>, ReadonlySet<string>][] = [
    ["fleet of replicas, labels hidden, those the window shows", serviceEdges(trial.result, services), shown],
  ];
  for (const withLabels of [false, true]) {
    const { flows, inventory } = singles(app, withLabels);
    const result = learn({
      edges: edgesOfFlows(flows, inventory),
      inventory,
      tightness: 0.5,
      seed: 1,
      taken: [],
    });
    const own = new Map(inventory.map((workload) => [workload.metadata.name, workload.metadata.name]));
    bars.push([
      `one workload per service, ${withLabels ? "labels" : "no labels"}, no processes`,
      serviceEdges(result, own),
      truth,
    ]);
  }
  return bars.flatMap(([what, found, learnable]) => {
    const own = [...found].filter((edge) =>
      edge.split(" → ").every((name) => app.services.some((service) => service.name === name)),
    );
    return [
      bar(
        `Online Boutique, ${what}: true edges found, of ${learnable.size}`,
        [...learnable].filter((edge) => found.has(edge)).length,
        ">=",
        learnable.size,
        String,
      ),
      bar(
        `Online Boutique, ${what}: beyond them (by hand: ${HAND_WRITTEN_EDGES - truth.size})`,
        own.filter((edge) => !truth.has(edge)).length,
        "<=",
        0,
        String,
      ),
    ];
  });
}

function serviceEdges(result: LearnResult, services: ReadonlyMap<string, string>): ReadonlySet<string> {
  const members = new Map(result.report.segments.map(({ name, members: own }) => [name, own]));
  const edges = new Set<string>();
  for (const tuple of permittedTuples(result.resources, members)) {
    const [src, dst] = tuple.split("\t").map((name) => services.get(name));
    if (src !== undefined && dst !== undefined) edges.add(`${src} → ${dst}`);
  }
  return edges;
}

function singles(
  app: AppGraph,
  withLabels: boolean,
): { flows: readonly Flow[]; inventory: readonly Workload[] } {
  const names = [...new Set(app.calls.flat())].sort();
  const inventory = names.map((name, index) => ({
    apiVersion: "ringwall.dev/v1" as const,
    kind: "Workload" as const,
    metadata: { name, ...(withLabels ? { labels: { app: name } } : {}) },
    spec: { addresses: [`10.1.0.${index + 1}`], management: "agent" as const },
  }));
  const ports = new Map(app.services.map((service) => [service.name, service.port]));
  const flows = app.calls.flatMap(([src, dst]) =>
    Array.from({ length: 7 }, (_, day) => ({
      time: new Date(Date.UTC(2026, 10, 2) + day * DAY_MS).toISOString(),
      count: 50,
      proto: "tcp" as const,
      port: ports.get(dst) ?? 8080,
      state: "established" as const,
      src: { workload: src },
      dst: { workload: dst },
    })),
  );
  return { flows, inventory };
}
