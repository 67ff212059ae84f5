// The learner against its bars: scripts/node packages/learner/bench/learn.ts [--data DIR] [--seeds 3] [--first 201] [--small]
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { NUMBER_MAX, parseWhole, takeArguments } from "@ringwall/model/testing/arguments";
import { loadApplication, loadApplications } from "../../lab/src/fleet/app-graph.ts";
import { loadProcessFlows } from "../../lab/src/fleet/process-flows.ts";
import { type Bar, formatBars } from "./bars.ts";
import { boutiqueBars } from "./boutique.ts";
import { fleetBars, fleets, naiveLines } from "./fleets.ts";
import { inputBars } from "./inputs.ts";
import { keptBars } from "./kept.ts";
import { processBars } from "./process-trial.ts";
import { readinessBars } from "./readiness.ts";
import { scaleBars } from "./scale.ts";

const given = takeArguments(process, "[--data DIR] [--seeds 3] [--first 201] [--small]", () => {
  const { values } = parseArgs({
    options: {
      data: { type: "string", default: path.resolve(import.meta.dirname, "../../../../shared/data") },
      seeds: { type: "string", default: "3" },
      first: { type: "string", default: "201" },
      small: { type: "boolean", default: false },
    },
  });
  const seeds = parseWhole("--seeds", values.seeds, 1, NUMBER_MAX);
  const first = parseWhole("--first", values.first, 0, NUMBER_MAX);
  return { small: values.small, seeds, first, data: loadData(values.data) };
});
if (given.data === null) process.exit(0);
const { boutique, apps, logs } = given.data;
// Never looked at while anything was tuned: that was done on other seeds, and --first takes any.
const seeds = Array.from({ length: given.seeds }, (_, index) => given.first + index);
const all: Bar[] = [];

process.stdout.write(
  `${apps.length} applications × ${seeds.length} seeds; ${availableParallelism()} cores, Node.js ${process.version}\n`,
);
for (const withLabels of [false, true]) {
  for (const share of [0.9, 0.5]) show("Generated fleets", fleetBars(fleets(apps, seeds, share, withLabels)));
}
for (const share of [0.9, 0.5]) {
  process.stdout.write(`\nFor comparison, ${share * 100} % of pairs seen\n`);
  for (const line of naiveLines(apps, seeds.slice(0, 1), share)) process.stdout.write(` ·  ${line}\n`);
}
if (boutique !== null) show("Online Boutique", boutiqueBars(boutique));
for (const { name, log } of logs) show(`Process flows: ${name}`, processBars(log));
show("Poorer records and patient intruders, labels hidden", inputBars(apps, seeds));
show("What changes and needs no rule", keptBars(apps, seeds.slice(0, 1)));
show("Readiness", readinessBars(100));
show("Scale", scaleBars(apps, given.small));

const missed = all.filter((one) => !one.isMet);
// Figures that depend on nothing but the input: times and memory are left out.
const stable = all
  .filter((one) => !/seconds|GiB|microseconds|cost/.test(one.what))
  .map((one) => `${one.what} ${one.shown}`);
const met = all.filter((one) => one.must !== "").length - missed.length;
const result = createHash("sha256").update(stable.join("\n")).digest("hex").slice(0, 16);
process.stdout.write(`\n${met} bars met, ${missed.length} missed; result ${result}\n`);
process.exitCode = missed.length === 0 ? 0 : 1;

function show(title: string, bars: readonly Bar[]): void {
  process.stdout.write(`\n${title}\n${formatBars(bars)}\n`);
  all.push(...bars);
}

/** Null, and said, where there is nothing to measure by. */
function loadData(data: string) {
  const folder = path.join(data, "applications");
  if (!existsSync(folder)) {
    process.stdout.write(
      `SKIPPED bench-learn: no application graphs in ${folder}; name the folder with --data DIR\n`,
    );
    return null;
  }
  const file = path.join(folder, "online-boutique", "true-edges.json");
  const boutique = existsSync(file) ? loadApplication(file) : null;
  const apps = [...loadApplications(folder), ...(boutique === null ? [] : [boutique])];
  const own = path.join(data, "process-flows");
  const names = existsSync(own) ? readdirSync(own).filter((name) => /\.jsonl(?:\.gz)?$/.test(name)) : [];
  const logs = names.sort().map((name) => ({ name, log: loadProcessFlows(path.join(own, name)) }));
  return { boutique, apps, logs };
}
