import { processOf } from "@ringwall/model/testing";
import type { AppGraph } from "../../lab/src/fleet/app-graph.ts";
import { buildFleet, type Fleet, type Pair, workloadOf } from "../../lab/src/fleet/fleet.ts";
import { random } from "../../lab/src/fleet/random.ts";
import type { EdgeEnd } from "../src/edge.ts";
import { drift, type Edge, learn } from "../src/index.ts";
import { type Bar, bar, percent } from "./bars.ts";
import { adjustedRand } from "./rand-index.ts";
import { trueSegments } from "./truth.ts";

const DAY_MS = 86_400_000;

export type ScaleResult = {
  readonly workloads: number;
  readonly edges: number;
  readonly seconds: number;
  /** What one day's edges cost on top of the policy. */
  readonly daySeconds: number;
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
  const before = process.cpuUsage();
  const result = learn({ edges, inventory, tightness: 0.5, seed, taken: [] });
  const seconds = secondsSince(before);
  const day = edges.filter((_, index) => index % 14 === 0);
  const dayStart = process.cpuUsage();
  drift({ resources: result.resources, edges: day, inventory });
  const daySeconds = secondsSince(dayStart);
  return {
    daySeconds,
    workloads: inventory.length,
    edges: edges.length,
    seconds,
    gibibytes: process.resourceUsage().maxRSS / 1024 ** 2,
    rand: randOf(result.report.segments, fleet),
    rules: result.report.rules.length,
  };
}

/** Seconds of processor time, of all threads: the same on a busy machine as on a quiet one. */
function secondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** Half a million edges, a tenth of them for the cost per edge, and one day's edges on top of a policy. */
export function scaleBars(apps: readonly AppGraph[], isSmall: boolean): readonly Bar[] {
  scaleTrial(apps, 1, 6, 2);
  const tenth = isSmall ? scaleTrial(apps, 1, 6, 1) : scaleTrial(apps, 8, 10, 1);
  const whole = isSmall ? scaleTrial(apps, 3, 10, 1) : scaleTrial(apps, 6, 47, 1);
  const perEdge = ({ seconds, edges }: ScaleResult): number => (seconds / edges) * 1e6;
  const what = `${whole.workloads} workloads, ${whole.edges} edges`;
  return [
    bar(`${what}: seconds of processor time`, whole.seconds, "<=", 60),
    bar(`${what}: GiB of memory`, whole.gibibytes, "<=", 4),
    bar(`${what}: adjusted Rand`, whole.rand, "info", 0),
    bar(`microseconds per edge at ${tenth.edges} edges`, perEdge(tenth), "info", 0),
    bar(
      `cost per edge at ${(whole.edges / tenth.edges).toFixed(1)} times the edges`,
      perEdge(whole) / perEdge(tenth),
      "<=",
      2,
    ),
    bar(
      `cost of a day's edges (one in 14) against learning all: share of the seconds`,
      whole.daySeconds / whole.seconds,
      "<=",
      0.25,
      percent,
    ),
  ];
}

export function edgeOf(pair: Pair, days: number, connections: number): Edge {
  const end = (host: Pair["src"], ip: string, program: Pair["program"]): EdgeEnd => ({
    workload: host?.name ?? null,
    ip: host === null ? ip : null,
    fqdn: null,
    process:
      program === null || program.exe == null
        ? null
        : processOf({
            exe: program.exe,
            exeSha256: program.exeSha256 ?? null,
            script: program.script ?? null,
            scriptSha256: program.scriptSha256 ?? null,
            package: program.package ?? null,
            evidence: program.evidence ?? null,
          }),
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
