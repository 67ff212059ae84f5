/**
 * What the proof of the software costs a new TCP connection, both ends, as a ratio to no firewall; beside mutual TLS.
 *
 *   scripts/node packages/agent/bench/proof.ts [ROUNDS] [CONNECTIONS]
 *
 * Three loads on loopback: Node.js programs, which mutual TLS is measured with as well; a client and a server in C, each
 * a process; and both of these in one thread, where nothing else is measured than what the kernel computes. In each
 * round a load runs out of the programs' reach, in it, in it with the proof, and out of it again: moved from one control
 * group to another, it is the same process, and there is no time for the machine to change. The two out of reach are
 * the A/A control. Figures are medians of the rounds' ratios. What being out of reach costs (the kernel looks for programs of
 * a control group) is measured beside it, and part of the figure.
 */
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { text } from "node:stream/consumers";
import { fileURLToPath, pathToFileURL } from "node:url";
import { takeNumbers } from "@ringwall/model/testing/arguments";
import { remote } from "../src/kernel/generated/layout.ts";
import { type Running, TestHost } from "../src/kernel/testing/host.ts";
import { address, allow, deny, peer, subjects } from "../src/kernel/testing/policies.ts";
import { newPair, stateOf, turnOff, turnOn } from "../src/kernel/testing/proofs.ts";
import { formatGoal } from "./goal.ts";

const NODE_LOAD = fileURLToPath(new URL("node-load.ts", import.meta.url));
const C_LOAD = fileURLToPath(new URL("../build/connect-load", import.meta.url));
const PORT = 9100;
const IDENTITY = 7;
const NUMBER = 4711;
const LOCAL = 3;
/** Rounds with the programs unloaded altogether, which takes seconds. */
const UNLOADED_ROUNDS_MAX = 15;

/** Commands, and of how many connections asked for they make one: the slow ones make fewer. */
export const NODE = { argv: [process.execPath, NODE_LOAD, "plain"], share: 2 };
export const APART = { argv: [C_LOAD, "apart"], share: 1 };
export const INLINE = { argv: [C_LOAD], share: 1 };
const MUTUAL_TLS = { argv: [process.execPath, NODE_LOAD, "tls"], share: 20 };
/** By then a program that compiles itself as it runs has done so. */
export const WARMING_ROUNDS = 4;

/** How many connections a command makes where so many are asked for. */
export function timesOf({ share }: typeof NODE, connections: number): number {
  return Math.max(20, Math.floor(connections / share));
}

export interface ProofRatios {
  /** With programs and proofs, to none. */
  readonly proved: number;
  /** With programs without proofs, to none. */
  readonly plain: number;
  readonly control: number;
  /** Out of the programs' reach, to no programs on the machine. */
  readonly outOfReach: number;
  readonly nsWithout: number;
}

export interface ProofCost {
  readonly rounds: number;
  readonly connections: number;
  readonly node: ProofRatios;
  readonly apart: ProofRatios;
  readonly inline: ProofRatios;
  /** In Node.js, out of reach. */
  readonly mutualTlsNs: number;
}

export async function measureProof(rounds: number, connections: number): Promise<ProofCost> {
  const host = new TestHost("p");
  const outside = `${host.cgroup}-outside`;
  try {
    mkdirSync(outside);
    await provision(host);
    const start = async (command: typeof NODE) =>
      new Load(await host.start(command.argv, IDENTITY), timesOf(command, connections), host, outside);
    const run = async (command: typeof NODE) => {
      const load = await start(command);
      const ratios = await measureRounds(load, rounds);
      const outOfReach = await measureOutOfReach(host, load, rounds);
      await load.end();
      await provision(host);
      return { ...ratios, outOfReach };
    };
    return {
      rounds,
      connections,
      node: await run(NODE),
      apart: await run(APART),
      inline: await run(INLINE),
      mutualTlsNs: await (await start(MUTUAL_TLS)).outside(),
    };
  } finally {
    await host.close();
    rmdirSync(outside);
  }
}

interface Sample {
  readonly off: number;
  readonly plain: number;
  readonly proved: number;
  readonly again: number;
}

/** A program, wherever it is wanted; each method tells the median nanoseconds of a connection. */
class Load {
  readonly running: Running;
  readonly times: number;
  readonly #host: TestHost;
  readonly #outside: string;

  constructor(running: Running, times: number, host: TestHost, outside: string) {
    this.running = running;
    this.times = times;
    this.#host = host;
    this.#outside = outside;
  }

  outside(): Promise<number> {
    return this.#in(this.#outside);
  }

  /** In the programs' reach, and that each connection was judged at this level, at both ends. */
  async judged(level: "address" | "inBand"): Promise<number> {
    if (level === "inBand") turnOn(this.#host);
    else turnOff(this.#host);
    const ns = await this.#in(this.#host.cgroup);
    const counted = (await this.#host.flows())
      .filter((flow) => flow.verdict === "allowed" && flow.level === level)
      .reduce((sum, flow) => sum + flow.count, 0n);
    if (counted !== BigInt(2 * this.times))
      throw new Error(`${counted} flows at level ${level}, not ${2 * this.times}`);
    return ns;
  }

  end(): Promise<void> {
    return this.running.stop();
  }

  #in(cgroup: string): Promise<number> {
    writeFileSync(`${cgroup}/cgroup.procs`, String(this.running.child.pid));
    return ask(this.running, this.times);
  }
}

async function measureRounds(load: Load, rounds: number): Promise<Omit<ProofRatios, "outOfReach">> {
  for (let round = 0; round < WARMING_ROUNDS; round++) await load.outside();
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    const off = await load.outside();
    const plain = await load.judged("address");
    const proved = await load.judged("inBand");
    samples.push({ off, plain, proved, again: await load.outside() });
  }
  const ratio = (of: (sample: Sample) => number) => median(samples.map(of));
  return {
    proved: ratio(({ off, again, proved }) => (2 * proved) / (off + again)),
    plain: ratio(({ off, again, plain }) => (2 * plain) / (off + again)),
    control: ratio(({ off, again }) => off / again),
    nsWithout: ratio(({ off }) => off),
  };
}

/** What is left of the programs for who is out of their reach, as a ratio to none on the machine. */
async function measureOutOfReach(host: TestHost, load: Load, rounds: number): Promise<number> {
  const ratios: number[] = [];
  for (let round = 0; round < Math.min(rounds, UNLOADED_ROUNDS_MAX); round++) {
    const loaded = await load.outside();
    host.unload();
    const unloaded = await load.outside();
    host.reload();
    ratios.push(loaded / unloaded);
  }
  return median(ratios);
}

/** Two policies: without a proof by address, with one by what it says. */
async function provision(host: TestHost): Promise<void> {
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
  host.kernel.proof.setNumber(IDENTITY, NUMBER);
  const { toA } = newPair();
  host.kernel.proof.setPeer(address("127.0.0.1"), stateOf(toA, toA, "expected"));
}

/** Has a load do something, so many times or as it is told; the nanoseconds of one. */
export async function ask(load: Running, request: number | string): Promise<number> {
  load.child.stdin?.write(`${request}\n`);
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
  const { node, apart, inline, mutualTlsNs } = cost;
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()}`;
  return [
    `new TCP connection, both ends, 2 proofs made and 2 checked · ${cost.rounds} × ${cost.connections}`,
    formatGoal("new TCP connection with the proof, Node.js programs", toNone(node), 1.1, ""),
    formatDetail(node),
    `  mutual TLS in Node.js ${(mutualTlsNs / node.nsWithout).toFixed(1)} (${mutualTlsNs} ns)`,
    formatGoal("the same, a loop in C, client and server in processes", toNone(apart), 1.1, ""),
    formatDetail(apart),
    formatGoal("the same, a loop in C, both ends in one thread", toNone(inline), 1.1, ""),
    formatDetail(inline),
    `  ${machine}`,
  ].join("\n");
}

/** No firewall is no programs on the machine: out of reach, the kernel still looks for some. */
function toNone({ proved, outOfReach }: ProofRatios): number {
  return proved * outOfReach;
}

function formatDetail(ratios: ProofRatios): string {
  const { proved, plain, control, outOfReach, nsWithout } = ratios;
  return (
    `  to out of the programs' reach ${proved.toFixed(3)}, without the proof ${plain.toFixed(3)}, A/A ${control.toFixed(3)}; ` +
    `out of reach, to no programs ${outOfReach.toFixed(3)}; there ${nsWithout} ns`
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { rounds, connections } = takeNumbers(process, { rounds: 41, connections: 1000 });
  console.log(formatProofCost(await measureProof(rounds, connections)));
}
