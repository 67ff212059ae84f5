// Writes one generated fleet as files: inventory.ndjson, window.ndjson, later.ndjson and truth.json.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import {
  BadArgument,
  NUMBER_MAX,
  parseDecimal,
  parseWhole,
  takeArguments,
} from "@ringwall/model/testing/arguments";
import { loadApplication } from "./app-graph.ts";
import { buildFleet, workloadOf } from "./fleet.ts";
import { makeOutput } from "./make-output.ts";
import { random } from "./random.ts";
import { drawTraffic } from "./traffic.ts";

const USAGE = "--app GRAPH.json [--app …] [--seed N] [--share 0.9] [--labels] [--days 14] -o DIR";
const DAYS_MAX = 366;

const { apps, seed, share, windowDays, labels, output } = takeArguments(process, USAGE, () => {
  const { values } = parseArgs({
    options: {
      app: { type: "string", multiple: true, default: [] },
      seed: { type: "string", default: "1" },
      share: { type: "string", default: "0.9" },
      days: { type: "string", default: "14" },
      labels: { type: "boolean", default: false },
      output: { type: "string", short: "o" },
    },
  });
  if (values.app.length === 0) throw new BadArgument("`--app` is missing");
  if (values.output === undefined) throw new BadArgument("`-o` is missing");
  return {
    seed: parseWhole("--seed", values.seed, 0, NUMBER_MAX),
    share: parseDecimal("--share", values.share, 0, 1),
    windowDays: parseWhole("--days", values.days, 1, DAYS_MAX),
    labels: values.labels,
    apps: values.app.map(loadApplication),
    output: makeOutput(values.output),
  };
});
const rng = random(seed);
const fleet = buildFleet(apps, rng, { replicasMax: 6, windowDays });
const traffic = drawTraffic(fleet, rng, {
  windowDays,
  laterDays: 7,
  share,
  attackShare: 0.03,
});
const lines = (list: readonly unknown[]): string => list.map((one) => `${JSON.stringify(one)}\n`).join("");
const write = (name: string, text: string): void => writeFileSync(path.join(output, name), text);
write("inventory.ndjson", lines(fleet.hosts.map((host) => workloadOf(host, labels))));
write("window.ndjson", lines(traffic.window));
write("later.ndjson", lines(traffic.later.map((edge) => edge.flow)));
const marks = traffic.later.map(({ pair, isAttack, wasSeen }) => ({ kind: pair.kind, isAttack, wasSeen }));
write(
  "truth.json",
  `${JSON.stringify({ services: Object.fromEntries(fleet.hosts.map((host) => [host.name, host.service])), later: marks })}\n`,
);
