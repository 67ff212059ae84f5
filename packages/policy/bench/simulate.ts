// `ringwall simulate` on a stream of flow records: its CPU time as a ratio to parsing the same lines alone, and its memory.
//   scripts/node packages/policy/bench/simulate.ts [RECORDS | --small]     10000000 is the bar's scale
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { BadArgument, parseWhole, takeArguments } from "@ringwall/model/testing/arguments";
import { formatResources } from "../src/index.ts";
import { usageOf } from "./lib/child-usage.ts";
import { type Edges, flowStream } from "./lib/flow-stream.ts";
import { createRandom, madeFleet, madePolicy } from "./lib/made-fleet.ts";
import { hashOf, printMachine } from "./lib/report.ts";

/** A tenth of them is simulated as well. */
const RECORDS_MIN = 10;
const RECORDS_MAX = 1_000_000_000;
const { small, RECORDS } = takeArguments(process, "[RECORDS | --small]", () => {
  const { values, positionals } = parseArgs({
    options: { small: { type: "boolean" } },
    allowPositionals: true,
  });
  const [records, ...more] = positionals;
  if (more.length > 0 || (values.small === true && records !== undefined))
    throw new BadArgument("one argument is taken: a number of records, or `--small`");
  if (values.small === true) return { small: true, RECORDS: 5000 };
  return { small: false, RECORDS: parseWhole("RECORDS", records ?? "1000000", RECORDS_MIN, RECORDS_MAX) };
});
const WORKLOADS = small ? 500 : 10_000;
const SEGMENTS = small ? 60 : 600;
const RULES = small ? 100 : 1000;
const root = resolve(import.meta.dirname, "../../..");

printMachine();
const fleet = madeFleet(WORKLOADS, SEGMENTS);
const folder = mkdtempSync(join(tmpdir(), "ringwall-bench-"));
try {
  const made = madePolicy(RULES, SEGMENTS, createRandom(RULES));
  // Something that pairs by chance and strangers meet as well.
  const open = { name: "open", allow: { to: { labels: { role: "db" } }, ports: ["tcp/1000-1050"] } };
  const policy = { ...made, spec: { rules: [...made.spec.rules, open] } };
  writeFileSync(join(folder, "policy.yaml"), formatResources([...fleet.segments, policy]));
  writeFileSync(
    join(folder, "fleet.ndjson"),
    fleet.workloads.map((one) => `${JSON.stringify(one)}\n`).join(""),
  );
  const idle = await simulated("repeated", 0);
  console.log(
    `start with ${WORKLOADS} workloads and ${RULES} rules: ${idle.cpuSeconds.toFixed(2)} CPU seconds, in all below`,
  );
  for (const edges of ["repeated", "distinct", "strangers"] as const) await compare(edges);
} finally {
  rmSync(folder, { recursive: true });
}

async function compare(edges: Edges): Promise<void> {
  const stream = (records: number) => flowStream(fleet.workloads, edges, records);
  const parser = join(import.meta.dirname, "lib/parse-lines.ts");
  const parsed = await usageOf(process.execPath, [parser], stream(RECORDS));
  const tenth = await simulated(edges, Math.floor(RECORDS / 10));
  const own = await simulated(edges, RECORDS);
  const { totals, byRule, problems } = JSON.parse(own.output);
  if (JSON.parse(parsed.output).records !== RECORDS || totals.records !== RECORDS || problems.length > 0)
    throw new Error("bug: every record is judged");
  if (totals.blocked === 0 || Object.keys(byRule).length < 2)
    throw new Error("bug: the load decides nothing");
  console.log(
    [
      `${RECORDS} records, ${edges} edges: ${own.cpuSeconds.toFixed(2)} CPU seconds,`,
      `ratio to JSON.parse alone (${parsed.cpuSeconds.toFixed(2)}) ${(own.cpuSeconds / parsed.cpuSeconds).toFixed(2)};`,
      `peak memory ${own.peakMiB} MiB, of a tenth of the records ${tenth.peakMiB} MiB; rules ${hashOf(byRule)}`,
    ].join(" "),
  );
}

function simulated(edges: Edges, records: number) {
  const files = ["--policy", join(folder, "policy.yaml"), "--inventory", join(folder, "fleet.ndjson")];
  const args = ["simulate", ...files, "--flows", "-", "--json"];
  return usageOf(join(root, "bin/ringwall"), args, flowStream(fleet.workloads, edges, records));
}
