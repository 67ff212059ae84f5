// `simulate` on a stream of flow records: its time as a ratio to parsing the same lines alone, and its memory.
//   scripts/node packages/policy/bench/simulate.ts [RECORDS | --small]     10000000 is the bar's scale
import { Readable } from "node:stream";
import { type Flow, flow, type Policy } from "@ringwall/model";
import { createSimulation, inventoryOf, policySetOf } from "../src/index.ts";
import { createRandom, madeFleet, madePolicy } from "./lib/made-fleet.ts";
import { cpuSeconds, hashOf, printMachine } from "./lib/report.ts";

const small = process.argv.includes("--small");
const RECORDS = small ? 5000 : Number(process.argv[2] ?? 200_000);
if (!Number.isSafeInteger(RECORDS) || RECORDS < 1) throw new Error("RECORDS is a number of records");
const WORKLOADS = small ? 500 : 10_000;
const SEGMENTS = small ? 60 : 600;
const RULES = small ? 100 : 1000;
/** Distinct lines; the stream repeats them. */
const LINES = 50_000;
const LINES_PER_CHUNK = 5000;
const MIB = 1 << 20;

printMachine();
const fleet = madeFleet(WORKLOADS, SEGMENTS);
const policy = madePolicy(RULES, SEGMENTS, createRandom(RULES));
const inventory = inventoryOf(fleet.workloads);
if (!inventory.ok) throw new Error("bug: names are distinct");
const chunks = madeChunks(policy, createRandom(7));
const play = createSimulation(policySetOf([...fleet.segments, policy]), inventory.value);

const parsed = await run((line) => JSON.parse(line));
const checked = await run((line) => flow.safeParse(JSON.parse(line)));
const simulated = await run((line) => {
  const one = flow.safeParse(JSON.parse(line));
  if (!one.success) throw new Error("bug: every record is right");
  play.add(one.data);
});
const { totals, newlyBlocked, dropped, byRule, problems } = play.result();
if (totals.records !== RECORDS || problems.length > 0) throw new Error("bug: every record is judged");
if (totals.allowed === 0 || totals.blocked === 0) throw new Error("bug: the load decides nothing");
const ratio = (one: number, other: number) => (one / other).toFixed(2);
console.log(
  [
    `${RECORDS} records, ${RULES} rules x ${WORKLOADS} workloads: ${simulated.seconds.toFixed(2)} CPU seconds;`,
    `ratio to parsing and checking alone ${ratio(simulated.seconds, checked.seconds)},`,
    `to JSON.parse alone ${ratio(simulated.seconds, parsed.seconds)};`,
    `edges listed ${newlyBlocked.length}, beyond ${dropped}; rules ${hashOf(byRule)}`,
  ].join(" "),
);
console.log(`  resident memory after each tenth, MiB: ${simulated.residentMiB.join(" ")}`);

/** One pass over the stream: CPU seconds, and resident memory after each tenth of the records. */
async function run(each: (line: string) => unknown) {
  const start = cpuSeconds();
  const residentMiB: number[] = [];
  const tenth = Math.ceil(RECORDS / 10);
  let records = 0;
  let rest = "";
  for await (const chunk of Readable.from(stream(), { objectMode: false, highWaterMark: MIB })) {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      each(line);
      if (++records % tenth === 0) residentMiB.push(Math.round(process.memoryUsage.rss() / MIB));
    }
  }
  if (records !== RECORDS) throw new Error("bug: the stream has other records");
  return { seconds: cpuSeconds() - start, residentMiB };
}

/** Bytes as they come from a file. */
function* stream(): Generator<Buffer> {
  for (let left = RECORDS, i = 0; left > 0; i++) {
    const chunk = chunks[i % chunks.length];
    if (chunk === undefined) throw new Error("bug: there are chunks");
    if (left >= LINES_PER_CHUNK) yield chunk;
    else yield Buffer.from(`${chunk.toString().split("\n").slice(0, left).join("\n")}\n`);
    left -= Math.min(left, LINES_PER_CHUNK);
  }
}

/** Half of the records are what a rule allows, half are by chance. */
function madeChunks({ spec }: Policy, random: () => number): readonly Buffer[] {
  const keyOf = (labels: object) => {
    const { app, role, env } = labels as Readonly<Record<string, unknown>>;
    return JSON.stringify([app, role, env]);
  };
  const members = Map.groupBy(fleet.workloads, (one) => keyOf(one.metadata.labels ?? {}));
  const of = (segment: string) =>
    members.get(keyOf(fleet.segments[Number(segment.slice(1))]?.spec.workloads ?? {})) ?? fleet.workloads;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T; // never empty
  const line = (_: unknown, i: number): string => {
    const rule = pick(spec.rules);
    const allow = "allow" in rule ? rule.allow : {};
    const chance = random() < 0.5;
    const src = pick(chance ? fleet.workloads : of(String(allow.from?.segment)));
    const dst = pick(chance ? fleet.workloads : of(String(allow.to?.segment)));
    const record: Flow = {
      time: new Date(Date.UTC(2026, 10, 2, 0, 0, i % 3600)).toISOString(),
      count: 1 + (i % 9),
      proto: "tcp",
      port: chance ? 1000 + Math.floor(random() * 200) : Number(allow.ports?.[0]?.slice(4)),
      state: "established",
      src: { workload: src.metadata.name, ip: src.spec.addresses[0], exe: "/usr/bin/client", user: "app" },
      dst: { workload: dst.metadata.name, ip: dst.spec.addresses[0], exe: "/usr/sbin/server", user: "srv" },
    };
    return `${JSON.stringify(record)}\n`;
  };
  return Array.from({ length: LINES / LINES_PER_CHUNK }, () =>
    Buffer.from(Array.from({ length: LINES_PER_CHUNK }, line).join("")),
  );
}
