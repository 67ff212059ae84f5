import type { Flow } from "@ringwall/model";
import type { AppGraph } from "../../lab/src/fleet/app-graph.ts";
import { type Bar, bar, percent } from "./bars.ts";
import type { TrialOptions } from "./fleet-trial.ts";
import { fleets } from "./fleets.ts";

/** Records that are poorer than one would wish, and intruders that are more patient. */
const INPUTS: Readonly<Record<string, Partial<TrialOptions>>> = {
  "a third of the records": { recorded: (flow, rng) => (rng.chance(1 / 3) ? flow : null) },
  "records of the source alone": {
    recorded: (flow) => (flow.src.workload == null ? flow : { ...flow, dst: bare(flow.dst) }),
  },
  "records without processes": {
    recorded: (flow) => ({ ...flow, src: bare(flow.src), dst: bare(flow.dst) }),
    isLaterAlike: true,
  },
  "intruders who come every day": { isPatient: true },
};

function bare({ workload, ip }: Flow["src"]): Flow["src"] {
  return { workload, ip };
}

/** Figures without bars: how gently it gets worse. */
export function inputBars(apps: readonly AppGraph[], seeds: readonly number[]): readonly Bar[] {
  return Object.entries(INPUTS).flatMap(([what, options]) =>
    [0.9, 0.5].flatMap((share) => {
      const { total, rand } = fleets(apps, seeds, share, false, options);
      const name = `${what}, ${share * 100} % of pairs seen`;
      return [
        bar(`${name}: adjusted Rand`, rand, "info", 0),
        bar(`${name}: later benign edges allowed`, total.benignAllowed / total.benign, "info", 0, percent),
        bar(`${name}: foreign tools stopped`, total.foreignStopped / total.foreign, "info", 0, percent),
        bar(`${name}: lateral movement stopped`, total.lateralStopped / total.lateral, "info", 0, percent),
      ];
    }),
  );
}
