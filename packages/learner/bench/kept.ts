import type { Workload } from "@ringwall/model";
import type { AppGraph } from "../../lab/src/fleet/app-graph.ts";
import { type Host, type Pair, workloadOf } from "../../lab/src/fleet/fleet.ts";
import { drift } from "../src/index.ts";
import { type Bar, bar, percent } from "./bars.ts";
import { fleetTrial, type Trial } from "./fleet-trial.ts";
import { edgeOf } from "./scale.ts";

/** What changes in a fleet and must not need a rule: by the policy learned with labels given, judged by `drift`. */
export function keptBars(apps: readonly AppGraph[], seeds: readonly number[]): readonly Bar[] {
  const sums = {
    replica: [0, 0],
    found: [0, 0],
    readdressed: [0, 0],
    upgrade: [0, 0],
    elsewhere: [0, 0],
    tampered: [0, 0],
  };
  const add = (key: keyof typeof sums, [hit, all]: readonly [number, number]): void => {
    sums[key][0] = (sums[key][0] ?? 0) + hit;
    sums[key][1] = (sums[key][1] ?? 0) + all;
  };
  for (const app of apps) {
    for (const seed of seeds) {
      const labelled = fleetTrial([app], seed, { share: 0.9, withLabels: true });
      const learned = labelled.fleet.pairs.filter(
        (pair) => pair.kind === "call" && isCovered(labelled, pair),
      );
      if (learned.length === 0) continue;
      const victim = learned[0]?.src;
      if (victim == null) continue;
      const own = learned.filter((pair) => pair.src === victim);
      const twin: Host = { ...victim, name: "h-new", ip: "10.99.99.99" };
      add(
        "replica",
        allowed(
          labelled,
          own.map((pair) => ({ ...pair, src: twin, srcIp: twin.ip })),
          [workloadOf(twin, true)],
        ),
      );
      const moved: Host = { ...victim, ip: "10.99.99.98" };
      add(
        "readdressed",
        allowed(
          labelled,
          own.map((pair) => ({ ...pair, src: moved, srcIp: moved.ip })),
          [workloadOf(moved, true)],
        ),
      );
      const digest = "e".repeat(64);
      const isSigned = victim.server.package != null;
      const upgraded = own.map((pair) => ({
        ...pair,
        program: pair.program === null ? null : { ...pair.program, exeSha256: digest },
      }));
      if (isSigned) add("upgrade", allowed(labelled, upgraded, []));
      const tampered = upgraded.map((pair) => ({
        ...pair,
        program: { exe: victim.server.exe ?? "", exeSha256: digest },
      }));
      add("tampered", refused(labelled, tampered));
      const elsewhere = own.map((pair) => ({
        ...pair,
        program: { ...pair.program, exe: `/opt/other${victim.server.exe}`, package: null, evidence: null },
      }));
      add("elsewhere", refused(labelled, elsewhere));
      const hidden = fleetTrial([app], seed, { share: 0.9, withLabels: false });
      const around = hidden.fleet.pairs.filter(
        (pair) => pair.src?.name === victim.name || pair.dst?.name === victim.name,
      );
      add("found", placed(hidden, around, victim, twin));
    }
  }
  const share = ([hit, all]: readonly number[]): number =>
    all === undefined || all === 0 ? 0 : (hit ?? 0) / all;
  return [
    bar("a new labelled replica's edges allowed, no rule changed", share(sums.replica), ">=", 1, percent),
    bar("a new unlabelled replica put into its segment", share(sums.found), ">=", 0.9, percent),
    bar("a re-addressed host's edges allowed, no rule changed", share(sums.readdressed), ">=", 1, percent),
    bar("a signed upgrade's edges allowed, no rule changed", share(sums.upgrade), ">=", 1, percent),
    bar("the same program name at another path: refused", share(sums.elsewhere), ">=", 1, percent),
    bar("the same path with other content, no evidence: refused", share(sums.tampered), ">=", 1, percent),
  ];
}

function inventoryOf(trial: Trial, changed: readonly Workload[]): readonly Workload[] {
  const withLabels = trial.result.report.segments.some(({ why }) => why.includes("labelled"));
  const names = new Set(changed.map((workload) => workload.metadata.name));
  return [
    ...trial.fleet.hosts
      .map((host) => workloadOf(host, withLabels))
      .filter(({ metadata }) => !names.has(metadata.name)),
    ...changed,
  ];
}

function isCovered(trial: Trial, pair: Pair): boolean {
  return allowed(trial, [pair], [])[0] === 1;
}

function allowed(
  trial: Trial,
  pairs: readonly Pair[],
  changed: readonly Workload[],
): readonly [number, number] {
  const { resources } = trial.result;
  const edges = pairs.map((pair) => edgeOf(pair, 1, 5));
  const result = drift({ resources, edges, inventory: inventoryOf(trial, changed) });
  return [result.allowed, result.allowed + result.drifted.length];
}

/** Refused, and not explained away as a role's drift or an upgrade. */
function refused(trial: Trial, pairs: readonly Pair[]): readonly [number, number] {
  const edges = pairs.map((pair) => edgeOf(pair, 1, 5));
  const result = drift({ resources: trial.result.resources, edges, inventory: inventoryOf(trial, []) });
  return [
    result.drifted.filter((edge) => edge.class === "suspicious").length,
    result.allowed + result.drifted.length,
  ];
}

function placed(trial: Trial, around: readonly Pair[], victim: Host, twin: Host): readonly [number, number] {
  const swap = (host: Host | null): Host | null => (host?.name === victim.name ? twin : host);
  const edges = around.map((pair) => edgeOf({ ...pair, src: swap(pair.src), dst: swap(pair.dst) }, 5, 500));
  const { replicas } = drift({
    resources: trial.result.resources,
    edges,
    inventory: inventoryOf(trial, [workloadOf(twin, false)]),
  });
  const home = trial.result.report.segments.find(({ members }) => members.includes(victim.name))?.name;
  return [replicas.some((one) => one.workload === twin.name && one.segment === home) ? 1 : 0, 1];
}
