/**
 * What the data plane costs a new TCP connection, as a ratio to no firewall: both ends judged, flows recorded.
 *
 *   scripts/node packages/agent/bench/connect.ts [ROUNDS] [CONNECTIONS]
 *
 * Each round measures without programs, with them, and without again, in an order that is reversed every round; the
 * two without are the A/A control. A figure is the median of the rounds' ratios.
 */
import { createHash } from "node:crypto";
import { cpus, release } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { takeNumbers } from "@ringwall/model/testing/arguments";
import type { PolicyEntry } from "../src/kernel/contract.ts";
import { type Running, TestHost } from "../src/kernel/testing/host.ts";
import { allow, peer, subjects } from "../src/kernel/testing/policies.ts";

const LOAD = fileURLToPath(new URL("../build/connect-load", import.meta.url));
const PORT = 9100;
const IDENTITY = 7;
const LOCAL = 3;

export interface ConnectCost {
  readonly rules: number;
  readonly rounds: number;
  readonly connections: number;
  /** Median over the rounds. */
  readonly ratio: number;
  readonly lowerQuartile: number;
  readonly upperQuartile: number;
  /** Without against without: what the machine's noise makes of 1. */
  readonly control: number;
  readonly nsWithout: number;
  readonly nsWith: number;
}

/** Measures with a policy of `rules` entries; takes about three seconds a round. */
export async function measureConnect(
  rules: number,
  rounds: number,
  connections: number,
): Promise<ConnectCost> {
  const host = new TestHost("a");
  try {
    const load = await host.start([LOAD], IDENTITY);
    await connect(load, connections);
    host.unload();
    const samples: { off: number; on: number; again: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const off = await connect(load, connections);
      const on = await measureWith(host, load, rules, connections);
      const again = await connect(load, connections);
      samples.push(round % 2 === 0 ? { off, on, again } : { off: again, on, again: off });
    }
    host.reload();
    const ratios = samples.map(({ off, on, again }) => on / ((off + again) / 2));
    return {
      rules,
      rounds,
      connections,
      ratio: quantile(ratios, 0.5),
      lowerQuartile: quantile(ratios, 0.25),
      upperQuartile: quantile(ratios, 0.75),
      control: quantile(
        samples.map(({ off, again }) => off / again),
        0.5,
      ),
      nsWithout: quantile(
        samples.map(({ off }) => off),
        0.5,
      ),
      nsWith: quantile(
        samples.map(({ on }) => on),
        0.5,
      ),
    };
  } finally {
    await host.close();
  }
}

async function measureWith(
  host: TestHost,
  load: Running,
  rules: number,
  connections: number,
): Promise<number> {
  host.reload();
  seed(host, load.child.pid ?? 0);
  await host.provision({
    modeOut: "block",
    modeIn: "block",
    loopbackEnforce: true,
    policies: policyOf(rules),
    peers: [peer("127.0.0.1", LOCAL)],
    subjects: subjects(IDENTITY),
  });
  const ns = await connect(load, connections);
  const flows = await host.kernel.drainFlows();
  host.unload();
  const counted = flows.reduce((sum, flow) => sum + (flow.verdict === "allowed" ? flow.count : 0n), 0n);
  if (counted !== BigInt(2 * connections))
    throw new Error(`${counted} flows counted, not ${2 * connections}`);
  return ns;
}

/** The load generator is older than the programs of this round. */
function seed(host: TestHost, tgid: number): void {
  const cgroupId = host.kernel.capabilities().scopeCgroupId;
  const unknown = { pending: false, agent: false, unattributable: false, scriptId: 0, ppid: 1 };
  host.kernel.setIdentity({ exeId: 1, scriptId: 0, uid: 0, cgroupId }, IDENTITY);
  host.kernel.seedTask(tgid, { ...unknown, exeId: 1, cgroupId, execNs: 1n, execTgid: tgid });
}

/** The two rules that matter, among others that make the maps as large as asked for. */
function policyOf(rules: number): readonly PolicyEntry[] {
  const ours = { subject: IDENTITY, peer: LOCAL, port: PORT, portBits: 16 };
  const others = Array.from({ length: Math.max(rules - 2, 0) }, (_, i) =>
    allow({ subject: 100 + i, peer: i % 500, port: i % 60_000, portBits: 16, rule: i + 3 }),
  );
  return [allow(ours), allow({ ...ours, direction: "in", rule: 2 }), ...others];
}

async function connect(load: Running, connections: number): Promise<number> {
  load.child.stdin?.write(`${connections}\n`);
  return Number(await load.line());
}

function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * at), sorted.length - 1)] ?? Number.NaN;
}

export function formatCost(cost: ConnectCost): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()}`;
  const hash = createHash("sha256").update(JSON.stringify(cost)).digest("hex").slice(0, 16);
  return [
    `new TCP connection, both ends judged, flow recorded · ${cost.rules} rules · ${cost.rounds} × ${cost.connections}`,
    `  ratio ${cost.ratio.toFixed(3)} [${cost.lowerQuartile.toFixed(3)} ${cost.upperQuartile.toFixed(3)}], ` +
      `A/A ${cost.control.toFixed(3)}, ${cost.nsWithout} ns → ${cost.nsWith} ns`,
    `  ${machine} · result ${hash}`,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { rounds, connections } = takeNumbers(process, { rounds: 11, connections: 20_000 });
  for (const rules of [10, 10_000]) console.log(formatCost(await measureConnect(rules, rounds, connections)));
}
