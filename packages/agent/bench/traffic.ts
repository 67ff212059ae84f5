/**
 * What judging costs, beside nftables with a set of as many elements and connection tracking: new TCP connections, new
 * UDP flows, and what is open already, each as a ratio to no firewall in the same run.
 *
 *   scripts/node packages/agent/bench/traffic.ts [ROUNDS] [TIMES]
 *
 * Both ends share a thread on loopback. Each round measures without anything, with 10 rules, with 10,000, with
 * nftables, and without anything again, in an order that is reversed every round; the two without are the A/A control.
 * Bytes are counted throughout.
 */
import { createHash } from "node:crypto";
import { cpus, release } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { NUMBER_MAX, takeNumbers } from "@ringwall/model/testing/arguments";
import type { PolicyEntry } from "../src/kernel/contract.ts";
import { type Running, TestHost } from "../src/kernel/testing/host.ts";
import { allow, peer, subjects } from "../src/kernel/testing/policies.ts";
import { formatGoal } from "./goal.ts";
import { nft, ruleset, tryNft } from "./nftables.ts";
import { ask } from "./proof.ts";

const IDENTITY = 7;
const LOCAL = 3;
const PEERS = 500;
/** Fewer of what takes longer. */
const LOADS = { connect: 1, "udp-flow": 1, udp: 2, tcp: 2, bulk: 0.25 } as const;
/** Nothing is done more often than the loads in C can. */
const TIMES_MAX = NUMBER_MAX / Math.max(...Object.values(LOADS));
const TITLES = {
  connect: "new TCP connection",
  "udp-flow": "new UDP flow",
  udp: "UDP request and reply",
  tcp: "TCP request and reply",
  bulk: "TCP, 64 KiB",
} as const;
/** Those of what is open count with its bytes counted. */
const GOALS = { connect: 1.05, "udp-flow": 1.06, udp: 1.08, tcp: 1.08, bulk: 1.08 } as const;
type Load = keyof typeof LOADS;
const VARIANTS = ["off", "few", "many", "nft", "again"] as const;
type Variant = (typeof VARIANTS)[number];
type Samples = Record<Load, Record<Variant, number>>;

export interface TrafficCost {
  readonly rules: number;
  readonly rounds: number;
  readonly nft: boolean;
  /** Medians over the rounds, to no firewall; `growth` is many rules to ten. */
  readonly loads: Record<
    Load,
    { few: number; many: number; nft: number; control: number; growth: number; nsWithout: number }
  >;
}

export async function measureTraffic(rules: number, rounds: number, times: number): Promise<TrafficCost> {
  const host = new TestHost("t");
  try {
    host.unload();
    const hasNft = tryNft(host);
    const samples: Samples[] = [];
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? VARIANTS : VARIANTS.toReversed();
      const sample: Partial<Record<Variant, Record<Load, number>>> = {};
      for (const variant of order) {
        if (variant === "nft" && !hasNft) continue;
        sample[variant] = await measure(host, variant, rules, times);
      }
      samples.push(byLoad(sample));
    }
    host.reload();
    return {
      rules,
      rounds,
      nft: hasNft,
      loads: forEachLoad((load) => summarize(samples.map((one) => one[load]))),
    };
  } finally {
    await host.close();
  }
}

async function measure(
  host: TestHost,
  variant: Variant,
  rules: number,
  times: number,
): Promise<Record<Load, number>> {
  const ours = variant === "few" || variant === "many";
  host.reload();
  if (ours) await provision(host, variant === "few" ? 10 : rules);
  const connects = await start(host, "connect-load");
  const traffic = await start(host, "traffic-load");
  if (!ours) host.unload();
  if (variant === "nft") nft(host, ruleset(rules));
  const out: Partial<Record<Load, number>> = {};
  for (const load of Object.keys(LOADS) as Load[]) {
    const count = Math.max(1, Math.round(times * LOADS[load]));
    if (load === "connect") out[load] = await ask(connects, count);
    else out[load] = await ask(traffic, `${load} ${count}`);
  }
  if (variant === "nft") nft(host, "delete table inet bench");
  for (const program of [connects, traffic]) await program.stop();
  if (ours) {
    await check(host, times);
    host.unload();
  }
  return out as Record<Load, number>; // every load was measured
}

async function start(host: TestHost, name: string): Promise<Running> {
  return host.start([fileURLToPath(new URL(`../build/${name}`, import.meta.url))], IDENTITY);
}

/** The rules that matter, among others that make the maps as large as asked for. */
async function provision(host: TestHost, rules: number): Promise<void> {
  const own = { subject: IDENTITY, peer: LOCAL };
  const needed = (["out", "in"] as const).flatMap((direction) =>
    [6, 17].map((proto, i) => allow({ ...own, direction, proto, rule: i + 1 })),
  );
  const others: PolicyEntry[] = Array.from({ length: Math.max(rules - needed.length, 0) }, (_, i) =>
    allow({ subject: 100 + i, peer: 10 + (i % PEERS), port: i % 60_000, portBits: 16, rule: i + 3 }),
  );
  const peers = Array.from({ length: Math.min(PEERS, rules) }, (_, i) =>
    peer(`10.${i >> 8}.${i & 255}.1`, 10 + i),
  );
  await host.provision({
    modeOut: "block",
    modeIn: "block",
    loopbackEnforce: true,
    policies: [...needed, ...others],
    peers: [peer("127.0.0.1", LOCAL), ...peers],
    subjects: subjects(IDENTITY),
  });
}

/** Every new connection was judged at both ends, and nothing was refused. Ports come again: fewer UDP flows come in. */
async function check(host: TestHost, times: number): Promise<void> {
  const flows = await host.flows();
  const missing = (["6 out", "6 in", "17 out"] as const).filter((want) => {
    const counted = flows
      .filter((flow) => flow.verdict === "allowed" && `${flow.proto} ${flow.direction}` === want)
      .reduce((total, flow) => total + flow.count, 0n);
    return counted < BigInt(times);
  });
  if (missing.length > 0) throw new Error(`fewer than ${times} flows counted: ${missing.join(", ")}`);
}

function byLoad(sample: Partial<Record<Variant, Record<Load, number>>>): Samples {
  return forEachLoad((load) => {
    const of = (variant: Variant) => sample[variant]?.[load] ?? Number.NaN;
    return { off: of("off"), few: of("few"), many: of("many"), nft: of("nft"), again: of("again") };
  });
}

function summarize(samples: readonly Record<Variant, number>[]) {
  const figure = (of: (sample: Record<Variant, number>) => number) => median(samples.map(of));
  const toNone = (variant: Variant) => figure((one) => (2 * one[variant]) / (one.off + one.again));
  return {
    few: toNone("few"),
    many: toNone("many"),
    nft: toNone("nft"),
    control: figure((one) => one.off / one.again),
    growth: figure((one) => one.many / one.few),
    nsWithout: figure((one) => one.off),
  };
}

function forEachLoad<Value>(of: (load: Load) => Value): Record<Load, Value> {
  const { connect, udp, tcp, bulk } = {
    connect: of("connect"),
    udp: of("udp"),
    tcp: of("tcp"),
    bulk: of("bulk"),
  };
  return { connect, "udp-flow": of("udp-flow"), udp, tcp, bulk };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

export function formatTraffic(cost: TrafficCost): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()}`;
  const hash = createHash("sha256").update(JSON.stringify(cost)).digest("hex").slice(0, 16);
  const lines = (Object.keys(LOADS) as Load[]).map((load) => {
    const { few, many, nft: other, control, growth, nsWithout } = cost.loads[load];
    const beside = cost.nft ? `, nftables ${other.toFixed(3)}` : "";
    return (
      `  ${TITLES[load].padEnd(22)} ${few.toFixed(3)} with 10 rules, ${many.toFixed(3)} with ${cost.rules} ` +
      `(${growth.toFixed(3)} of 10)${beside}, A/A ${control.toFixed(3)}, ${nsWithout} ns without`
    );
  });
  return [
    `traffic, both ends judged, flows and bytes recorded, to no firewall · ${cost.rounds} rounds`,
    ...lines,
    ...(Object.keys(LOADS) as Load[]).map((load) =>
      formatGoal(TITLES[load], cost.loads[load].many, GOALS[load], ""),
    ),
    formatGoal(`new TCP connection, ${cost.rules} rules to 10`, cost.loads.connect.growth, 1.02, ""),
    ...(cost.nft ? [] : ["  (nftables with sets and conntrack is not there)"]),
    `  ${machine} · result ${hash}`,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { rounds, times } = takeNumbers(process, { rounds: 9, times: { default: 5000, max: TIMES_MAX } });
  console.log(formatTraffic(await measureTraffic(10_000, rounds, times)));
}
