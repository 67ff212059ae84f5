// The learner against its bars: scripts/node packages/learner/bench/learn.ts [--data DIR] [--seeds 3] [--first 201] [--small]
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { NUMBER_MAX, parseWhole, takeArguments } from "@ringwall/model/testing/arguments";
import { type AppGraph, loadApplications, parseBoutique } from "../../lab/src/fleet/app-graph.ts";
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
  return { ...values, seeds, first: parseWhole("--first", values.first, 0, NUMBER_MAX) };
});
const folder = path.join(given.data, "applications");
if (!existsSync(folder)) {
  process.stdout.write(
    `SKIPPED bench-learn: no application graphs in ${folder}; name the folder with --data DIR\n`,
  );
  process.exit(0);
}
// Never looked at while anything was tuned: that was done on other seeds, and --first takes any.
const seeds = Array.from({ length: given.seeds }, (_, index) => given.first + index);
const boutiqueFile = path.join(folder, "online-boutique", "true-edges.json");
const boutique: AppGraph | null = existsSync(boutiqueFile)
  ? parseBoutique(readFileSync(boutiqueFile, "utf8"))
  : null;
const apps = [...loadApplications(folder), ...(boutique === null ? [] : [boutique])];
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
for (const file of processFiles()) show(`Process flows: ${path.basename(file)}`, processBars(file));
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

function processFiles(): readonly string[] {
  const own = path.join(given.data, "process-flows");
  if (!existsSync(own)) return [];
  return readdirSync(own)
    .filter((name) => /\.jsonl(?:\.gz)?$/.test(name))
    .sort()
    .map((name) => path.join(own, name));
}
