import type { AppGraph } from "../../lab/src/fleet/app-graph.ts";
import { buildFleet, type Fleet, type Pair, workloadOf } from "../../lab/src/fleet/fleet.ts";
import { random } from "../../lab/src/fleet/random.ts";
import type { EdgeEnd } from "../src/edge.ts";
import { type Edge, learn } from "../src/index.ts";
import { adjustedRand } from "./rand-index.ts";
import { trueSegments } from "./truth.ts";

const DAY_MS = 86_400_000;

export type ScaleResult = {
  readonly workloads: number;
  readonly edges: number;
  readonly seconds: number;
  readonly gibibytes: number;
  readonly rand: number;
  readonly rules: number;
};

/** A fleet of so many copies of the applications, its edges drawn without going through flows, learned once. */
export function scaleTrial(
  apps: readonly AppGraph[],
  copies: number,
  replicasMax: number,
  seed: number,
): ScaleResult {
  const many = Array.from({ length: copies }, (_, copy) =>
    apps.map((app) => ({ ...app, name: `${app.name}-${copy}` })),
  ).flat();
  const rng = random(seed);
  const fleet = buildFleet(many, rng, { replicasMax, windowDays: 14 });
  const edges = fleet.pairs
    .filter(() => rng.chance(0.9))
    .map((pair) => edgeOf(pair, rng.int(3, 12), rng.int(10, 3000)));
  const inventory = fleet.hosts.map((host) => workloadOf(host, false));
  const before = process.hrtime.bigint();
  const result = learn({ edges, inventory, tightness: 0.5, seed, taken: [] });
  const seconds = Number(process.hrtime.bigint() - before) / 1e9;
  return {
    workloads: inventory.length,
    edges: edges.length,
    seconds,
    gibibytes: process.resourceUsage().maxRSS / 1024 ** 2,
    rand: randOf(result.report.segments, fleet),
    rules: result.report.rules.length,
  };
}

export function edgeOf(pair: Pair, days: number, connections: number): Edge {
  const end = (host: Pair["src"], ip: string, program: Pair["program"]): EdgeEnd => ({
    workload: host?.name ?? null,
    ip: host === null ? ip : null,
    fqdn: null,
    process:
      program === null || program.exe == null
        ? null
        : {
            exe: program.exe,
            exeSha256: program.exeSha256 ?? null,
            script: program.script ?? null,
            scriptSha256: program.scriptSha256 ?? null,
            unattributable: null,
            user: null,
            unit: null,
            container: null,
            image: null,
            package: program.package ?? null,
            evidence: program.evidence ?? null,
            environment: [],
          },
  });
  return {
    src: end(pair.src, pair.srcIp, pair.program),
    dst: end(pair.dst, pair.dstIp, pair.server),
    proto: pair.proto,
    port: pair.port,
    firstMs: Date.UTC(2026, 10, 2),
    lastMs: Date.UTC(2026, 10, 2) + 13 * DAY_MS,
    days,
    established: connections,
    refused: 0,
    timeout: 0,
    denied: 0,
    bytesOut: connections * 500,
    bytesIn: connections * 4000,
  };
}

function randOf(
  segments: readonly { readonly name: string; readonly members: readonly string[] }[],
  fleet: Fleet,
): number {
  const truth = trueSegments(fleet);
  const found = new Map(
    segments.flatMap(({ name, members }) => members.map((member) => [member, name] as const)),
  );
  const hosts = [...truth.keys()];
  return adjustedRand(
    hosts.map((host) => truth.get(host) ?? host),
    hosts.map((host) => found.get(host) ?? host),
  );
}
