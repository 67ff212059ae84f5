import type { AppGraph } from "../../lab/src/fleet/app-graph.ts";
import { type Bar, bar, percent } from "./bars.ts";
import { fleetTrial, type Score, type TrialOptions } from "./fleet-trial.ts";
import { jaccardRoles, learnNaive, naiveKeys } from "./naive.ts";
import { adjustedRand } from "./rand-index.ts";
import { trueSegments } from "./truth.ts";

export type Summary = {
  readonly share: number;
  readonly withLabels: boolean;
  readonly total: Totals;
  readonly rand: number;
};
type Totals = { readonly [Key in keyof Score]: number };

/** Every application with every seed, at one share of replica pairs seen. */
export function fleets(
  apps: readonly AppGraph[],
  seeds: readonly number[],
  share: number,
  withLabels: boolean,
  more: Partial<TrialOptions> = {},
): Summary {
  const scores = apps.flatMap((app) =>
    seeds.map((seed) => fleetTrial([app], seed, { share, withLabels, ...more }).score),
  );
  const total = Object.fromEntries(
    (Object.keys(scores[0] ?? {}) as (keyof Score)[]).map((key) => [
      key,
      scores.reduce((sum, score) => sum + score[key], 0),
    ]),
  ) as Totals;
  return { share, withLabels, total, rand: total.rand / scores.length };
}

/** The bars of generated fleets; each says what was measured and what it must be. */
export function fleetBars({ share, withLabels, total, rand }: Summary): readonly Bar[] {
  const what = `${withLabels ? "labels given" : "labels hidden"}, ${share * 100} % of pairs seen`;
  const randMin = withLabels ? 0.98 : share >= 0.9 ? 0.95 : 0.75;
  const benignMin = share >= 0.9 ? 0.995 : 0.95;
  return [
    bar(`${what}: adjusted Rand`, rand, ">=", randMin),
    bar(`${what}: later benign edges allowed`, total.benignAllowed / total.benign, ">=", benignMin, percent),
    bar(`${what}: of those never seen before`, total.unseenAllowed / total.unseen, "info", 0, percent),
    bar(
      `${what}: attacks with foreign tools stopped`,
      total.foreignStopped / total.foreign,
      ">=",
      0.98,
      percent,
    ),
    bar(
      `${what}: lateral movement with own software stopped`,
      total.lateralStopped / total.lateral,
      ">=",
      0.95,
      percent,
    ),
    bar(
      `${what}: rules / (1.3 × service edges + infrastructure)`,
      total.rules / (1.3 * total.trueEdges + total.infrastructure),
      "<=",
      1,
    ),
    bar(`${what}: over-permission against the true tuples`, total.permitted / total.trueTuples, "<=", 1.05),
    bar(
      `${what}: permitted but not true / true`,
      (total.permitted - total.permittedTrue) / total.trueTuples,
      "info",
      0,
    ),
  ];
}

/** The same fleets by naive keys over the roles that Jaccard clustering finds, for comparison. */
export function naiveLines(
  apps: readonly AppGraph[],
  seeds: readonly number[],
  share: number,
): readonly string[] {
  const sums = new Map<
    string,
    { benign: number; allowed: number; attacks: number; stopped: number; rules: number }
  >();
  let rand = 0;
  let trials = 0;
  for (const app of apps) {
    for (const seed of seeds) {
      const { fleet, traffic } = fleetTrial([app], seed, { share, withLabels: false });
      const roles = jaccardRoles(traffic.window, JACCARD_CUT);
      const truth = trueSegments(fleet);
      const hosts = [...truth.keys()].sort();
      rand += adjustedRand(
        hosts.map((host) => truth.get(host) ?? host),
        hosts.map((host) => roles.get(host) ?? host),
      );
      trials += 1;
      for (const key of naiveKeys) {
        const learned = learnNaive(key, traffic.window, roles);
        const sum = sums.get(key.name) ?? { benign: 0, allowed: 0, attacks: 0, stopped: 0, rules: 0 };
        sums.set(key.name, sum);
        sum.rules += learned.rules;
        for (const { flow, isAttack } of traffic.later) {
          if (isAttack) sum.attacks += 1;
          else sum.benign += 1;
          if (isAttack && !learned.allows(flow)) sum.stopped += 1;
          if (!isAttack && learned.allows(flow)) sum.allowed += 1;
        }
      }
    }
  }
  return [
    `Jaccard clustering (cut ${JACCARD_CUT}): adjusted Rand ${(rand / trials).toFixed(3)}`,
    ...[...sums].map(
      ([name, sum]) =>
        `${name} (roles by Jaccard): benign allowed ${percent(sum.allowed / sum.benign)}, ` +
        `attacks stopped ${percent(sum.stopped / sum.attacks)}, ${sum.rules} rules`,
    ),
  ];
}

/** Where Jaccard's agreement with the truth is best on these fleets: the baseline at its best. */
const JACCARD_CUT = 0.3;
