/**
 * What the shadow of a draft costs a new TCP connection, both ends judged: with a draft as large as the live policy, by
 * without one.
 *
 *   scripts/node packages/agent/bench/shadow.ts [ROUNDS] [CONNECTIONS]
 *
 * One host, the programs loaded throughout; each round measures without, with, and without again, the order of the three
 * kept and the two without as the A/A control.
 */
import { createHash } from "node:crypto";
import { cpus, release } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { takeNumbers } from "@ringwall/model/testing/arguments";
import { SHADOW_SLOT, type SlotContents } from "../src/kernel/contract.ts";
import { type Running, TestHost } from "../src/kernel/testing/host.ts";
import { allow, deny, peer, subjects } from "../src/kernel/testing/policies.ts";

const LOAD = fileURLToPath(new URL("../build/connect-load", import.meta.url));
const PORT = 9100;
const IDENTITY = 7;
const LOCAL = 3;
const HOUR_NS = 3_600_000_000_000n;

export interface ShadowCost {
  readonly rules: number;
  readonly rounds: number;
  readonly connections: number;
  /** With a draft by without, medians over the rounds: one that agrees, and one that refuses every connection. */
  readonly same: number;
  readonly differs: number;
  /** Without by without. */
  readonly control: number;
}

export async function measureShadow(rules: number, rounds: number, connections: number): Promise<ShadowCost> {
  const host = new TestHost("v");
  try {
    const load = await host.start([LOAD], IDENTITY);
    await host.provision(policyOf(rules, true));
    const samples: { same: number; differs: number; control: number }[] = [];
    await time(load, connections);
    for (let round = 0; round < rounds; round++) {
      const before = await without(host, load, connections);
      const same = await withDraft(host, load, connections, policyOf(rules, true));
      const between = await without(host, load, connections);
      const differs = await withDraft(host, load, connections, policyOf(rules, false));
      const after = await without(host, load, connections);
      samples.push({
        same: same / ((before + between) / 2),
        differs: differs / ((between + after) / 2),
        control: before / between,
      });
    }
    const median = (of: (sample: (typeof samples)[number]) => number) =>
      samples.map(of).sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;
    return {
      rules,
      rounds,
      connections,
      same: median((one) => one.same),
      differs: median((one) => one.differs),
      control: median((one) => one.control),
    };
  } finally {
    await host.close();
  }
}

async function without(host: TestHost, load: Running, connections: number): Promise<number> {
  host.kernel.stopShadow();
  await host.kernel.drainFlows();
  return time(load, connections);
}

async function withDraft(
  host: TestHost,
  load: Running,
  connections: number,
  draft: SlotContents,
): Promise<number> {
  await host.kernel.writeSlot(SHADOW_SLOT, draft);
  host.kernel.startShadow(host.kernel.bootNs() + HOUR_NS);
  await host.kernel.drainFlows();
  const ns = await time(load, connections);
  const { met } = host.kernel.readShadow();
  if (met !== BigInt(2 * connections))
    throw new Error(`${met} attempts met the draft, not ${2 * connections}`);
  return ns;
}

/** The two rules that matter, among others. */
function policyOf(rules: number, allowed: boolean): SlotContents {
  const write = allowed ? allow : deny;
  const ours = { subject: IDENTITY, peer: LOCAL, port: PORT, portBits: 16 };
  const others = Array.from({ length: Math.max(rules - 2, 0) }, (_, i) =>
    allow({ subject: 100 + i, peer: i % 500, port: i % 60_000, portBits: 16, rule: i + 3 }),
  );
  return {
    generation: 9n,
    modeOut: "block",
    modeIn: "block",
    loopbackEnforce: true,
    failOpen: false,
    cutEstablished: false,
    policies: [write(ours), write({ ...ours, direction: "in", rule: 2 }), ...others],
    peers: [peer("127.0.0.1", LOCAL)],
    subjects: subjects(IDENTITY),
  };
}

async function time(load: Running, connections: number): Promise<number> {
  load.child.stdin?.write(`${connections}\n`);
  return Number(await load.line());
}

export function formatShadow(cost: ShadowCost): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()}`;
  const hash = createHash("sha256").update(JSON.stringify(cost)).digest("hex").slice(0, 16);
  return [
    `shadow of a draft, new TCP connection, both ends · ${cost.rules} rules · ${cost.rounds} × ${cost.connections}`,
    `  with a draft by without: ${cost.same.toFixed(3)}, where it differs each time ${cost.differs.toFixed(3)}, A/A ${cost.control.toFixed(3)}`,
    `  ${machine} · result ${hash}`,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { rounds, connections } = takeNumbers(process, { rounds: 11, connections: 20_000 });
  console.log(formatShadow(await measureShadow(10_000, rounds, connections)));
}
