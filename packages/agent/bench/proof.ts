/**
 * What the proof of the software costs a new TCP connection, both ends, as a ratio to no firewall; beside mutual TLS.
 *
 *   scripts/node packages/agent/bench/proof.ts [ROUNDS] [CONNECTIONS]
 *
 * Client and server share a thread on loopback. Each round measures without programs, with them, with them and the
 * proof, and without again; the two without are the A/A control. Figures are medians of the rounds' ratios.
 */
import { cpus, release } from "node:os";
import { text } from "node:stream/consumers";
import { fileURLToPath, pathToFileURL } from "node:url";
import { remote } from "../src/kernel/generated/layout.ts";
import { type Running, TestHost } from "../src/kernel/testing/host.ts";
import { address, allow, deny, peer, subjects } from "../src/kernel/testing/policies.ts";
import { newPair, stateOf, turnOn } from "../src/kernel/testing/proofs.ts";
import { formatGoal } from "./goal.ts";
import { type HandshakeCost, measureMutualTls } from "./mutual-tls.ts";

const LOAD = fileURLToPath(new URL("../build/connect-load", import.meta.url));
const PORT = 9100;
const IDENTITY = 7;
const NUMBER = 4711;
const LOCAL = 3;

export interface ProofCost {
  readonly rounds: number;
  readonly connections: number;
  /** With programs and proofs, to none. */
  readonly proved: number;
  /** With programs without proofs, to none. */
  readonly plain: number;
  readonly control: number;
  readonly nsWithout: number;
  readonly tls: HandshakeCost;
}

export async function measureProof(rounds: number, connections: number): Promise<ProofCost> {
  const host = new TestHost("p");
  try {
    const bare = await host.start([LOAD], IDENTITY);
    await ask(bare, connections);
    host.unload();
    const samples: { off: number; again: number; plain: number; proved: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const off = await ask(bare, connections);
      const plain = await measureWith(host, connections, false);
      const proved = await measureWith(host, connections, true);
      const again = await ask(bare, connections);
      samples.push({ off, again, plain, proved });
    }
    host.reload();
    const ratio = (of: (sample: (typeof samples)[0]) => number) => median(samples.map(of));
    return {
      rounds,
      connections,
      proved: ratio(({ off, again, proved }) => (2 * proved) / (off + again)),
      plain: ratio(({ off, again, plain }) => (2 * plain) / (off + again)),
      control: ratio(({ off, again }) => off / again),
      nsWithout: ratio(({ off }) => off),
      tls: await measureMutualTls(Math.max(20, Math.min(500, connections / 10))),
    };
  } finally {
    await host.close();
  }
}

/** A load of its own: a listener older than the programs could not prove itself. */
async function measureWith(host: TestHost, connections: number, proofs: boolean): Promise<number> {
  host.reload();
  const own = { subject: IDENTITY, peer: LOCAL, port: PORT, portBits: 16 };
  await host.provision({
    modeOut: "block",
    modeIn: "block",
    loopbackEnforce: true,
    policies: (["out", "in"] as const).flatMap((direction) => [
      allow({ ...own, direction }),
      allow({ ...own, direction, remote: remote.first }),
      deny({ ...own, direction, remote: remote.unknown }),
    ]),
    peers: [peer("127.0.0.1", LOCAL)],
    subjects: subjects(IDENTITY),
    remotes: [{ number: NUMBER, remote: remote.first }],
  });
  if (proofs) {
    host.kernel.proof.setNumber(IDENTITY, NUMBER);
    const { toA } = newPair();
    host.kernel.proof.setPeer(address("127.0.0.1"), stateOf(toA, toA, "expected"));
    turnOn(host);
  }
  const load = await host.start([LOAD], IDENTITY);
  const ns = await ask(load, connections);
  await load.stop();
  const flows = await host.flows();
  host.unload();
  const level = proofs ? "inBand" : "address";
  const counted = flows
    .filter((flow) => flow.verdict === "allowed" && flow.level === level)
    .reduce((sum, flow) => sum + flow.count, 0n);
  if (counted < BigInt(2 * connections))
    throw new Error(`${counted} flows at level ${level}, not ${2 * connections}`);
  return ns;
}

/** Has a load do something so many times; the nanoseconds of one. */
export async function ask(load: Running, times: number): Promise<number> {
  load.child.stdin?.write(`${times}\n`);
  for (;;) {
    const line = await load.line();
    if (line === "")
      throw new Error(`the load has ended: ${load.child.stderr ? await text(load.child.stderr) : ""}`);
    // The line that told the program to begin asked for nothing.
    if (Number(line) > 0) return Number(line);
  }
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

export function formatProofCost(cost: ProofCost): string {
  const { tls } = cost;
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()}`;
  return [
    `new TCP connection, both ends, 2 proofs made and 2 checked · ${cost.rounds} × ${cost.connections}`,
    formatGoal("new TCP connection with the proof in SYN and SYN-ACK", cost.proved, 1.1, ""),
    `  with the proof ${cost.proved.toFixed(3)}, programs without it ${cost.plain.toFixed(3)}, A/A ${cost.control.toFixed(3)}; ` +
      `without any ${cost.nsWithout} ns`,
    `  mutual TLS in Node.js ${(tls.mutualTlsNs / tls.plainNs).toFixed(1)} × a plain connection there ` +
      `(${tls.plainNs} ns → ${tls.mutualTlsNs} ns)`,
    `  ${machine}`,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [rounds = 7, connections = 10_000] = process.argv.slice(2).map(Number);
  console.log(formatProofCost(await measureProof(rounds, connections)));
}
