import { processOf } from "@ringwall/model/testing";
import { random } from "../../lab/src/fleet/random.ts";
import { type Edge, learn } from "../src/index.ts";
import { type Bar, bar, percent } from "./bars.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 10, 2);
const WINDOW_DAYS = 14;
const LATER_DAYS = 7;
const CLASSES = 60;

/**
 * A segment whose kinds of edges differ widely in how often they show: 14 days are learned, and the share of the next
 * week's observations (a kind on a day) that are of kinds never seen is compared with what was foretold.
 */
export function readinessBars(seeds: number): readonly Bar[] {
  let covered = 0;
  let error = 0;
  let foretold = 0;
  let seen = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const { edges, laterRate } = draw(seed);
    const [one] = learn({ edges, inventory: [], tightness: 0.5, seed, taken: [] }).report.readiness.filter(
      ({ segment }) => segment === "hub",
    );
    if (one === undefined) throw new Error("bug: the hub has no readiness");
    if (laterRate >= one.newRateLow && laterRate <= one.newRateHigh) covered += 1;
    error += one.newRate - laterRate;
    foretold += one.newRate;
    seen += laterRate;
  }
  return [
    bar(`readiness, ${seeds} seeds: 80 % interval covers, at least`, covered / seeds, ">=", 0.7, percent),
    bar(`readiness, ${seeds} seeds: 80 % interval covers, at most`, covered / seeds, "<=", 0.9, percent),
    bar(
      `readiness: mean error of the point estimate (foretold ${(foretold / seeds).toFixed(3)}, seen ${(seen / seeds).toFixed(3)})`,
      Math.abs(error / seeds),
      "<=",
      0.05,
    ),
  ];
}

function draw(seed: number): { edges: readonly Edge[]; laterRate: number } {
  const rng = random(seed);
  const known = new Set<number>();
  const edges: Edge[] = [];
  let later = 0;
  let fresh = 0;
  for (let kind = 0; kind < CLASSES; kind++) {
    // From several times a day to once in months: log-uniform.
    const rate = Math.exp(Math.log(0.005) + rng.next() * (Math.log(1.5) - Math.log(0.005)));
    const isActive = (): boolean => rng.chance(1 - Math.exp(-rate));
    const days = Array.from({ length: WINDOW_DAYS }, (_, day) => day).filter(isActive);
    if (days.length > 0) {
      known.add(kind);
      edges.push(edge(kind, days[0] ?? 0, days.at(-1) ?? 0, days.length, rng.int(1, 50)));
    }
    for (let day = 0; day < LATER_DAYS; day++) {
      if (!isActive()) continue;
      later += 1;
      if (!known.has(kind)) fresh += 1;
    }
  }
  return { edges, laterRate: later === 0 ? 0 : fresh / later };
}

function edge(kind: number, firstDay: number, lastDay: number, days: number, established: number): Edge {
  return {
    src: { workload: "hub", ip: null, fqdn: null, process: processOf({ exe: "/usr/bin/hub" }) },
    dst: { workload: `target-${kind}`, ip: null, fqdn: null, process: processOf({ exe: "/usr/bin/target" }) },
    proto: "tcp",
    port: 1000 + kind,
    firstMs: START_MS + firstDay * DAY_MS + 3_600_000,
    lastMs: START_MS + lastDay * DAY_MS + 7_200_000,
    days,
    established: established * days,
    refused: 0,
    timeout: 0,
    denied: 0,
    bytesOut: 1,
    bytesIn: 1,
  };
}
