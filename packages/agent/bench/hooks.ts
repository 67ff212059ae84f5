/**
 * What the data plane's hooks cost with programs that do nothing, as a ratio to no firewall: the floor under its figures.
 *
 *   scripts/node packages/agent/bench/hooks.ts [ROUNDS] [TIMES]
 *
 * Both ends share a thread on loopback (connect_load.c, traffic_load.c). In each round the same process runs without the
 * programs, with them attached, and without again; the two without are the A/A control. Medians of the rounds' ratios.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpus, release } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { takeNumbers } from "@ringwall/model/testing/arguments";
import { type Running, TestHost } from "../src/kernel/testing/host.ts";
import { ask, median, WARMING_ROUNDS } from "./proof.ts";

const BUILD = fileURLToPath(new URL("../build", import.meta.url));
const CONNECT_LOAD = path.join(BUILD, "connect-load");
const TRAFFIC_LOAD = path.join(BUILD, "traffic-load");

export interface Floor {
  readonly ratio: number;
  readonly control: number;
  readonly nsWithout: number;
}

/** A program, and the line that it is asked with in each round. */
export interface FloorLoad {
  readonly argv: readonly string[];
  readonly request: number | string;
  /** That so many proofs are right each time, else the figure is of something else. */
  readonly proofs?: number;
}

export interface HookCost {
  readonly rounds: number;
  readonly times: number;
  readonly loads: ReadonlyMap<string, Floor>;
}

export async function measureHooks(rounds: number, times: number): Promise<HookCost> {
  const loads = await measureFloors("hooks.bpf.o", rounds, {
    "new TCP connection": { argv: [CONNECT_LOAD], request: times },
    "new UDP flow": { argv: [TRAFFIC_LOAD], request: `udp-flow ${times}` },
    "UDP request and reply": { argv: [TRAFFIC_LOAD], request: `udp ${times}` },
    "TCP request and reply": { argv: [TRAFFIC_LOAD], request: `tcp ${times}` },
  });
  return { rounds, times, loads };
}

/** What the programs of an object cost each load. */
export async function measureFloors(
  object: string,
  rounds: number,
  loads: Readonly<Record<string, FloorLoad>>,
): Promise<ReadonlyMap<string, Floor>> {
  const host = new TestHost("h");
  try {
    const started: [string, Running, FloorLoad][] = [];
    for (const [name, load] of Object.entries(loads))
      started.push([name, await host.start(load.argv, 1), load]);
    host.unload();
    const programs = await startToggle(object, host.cgroup);
    const floors = new Map<string, Floor>();
    for (const [name, running, { request, proofs }] of started) {
      const before = proofs === undefined ? 0 : await programs.checked();
      for (let round = 0; round < WARMING_ROUNDS; round++) await ask(running, request);
      floors.set(name, await measureRounds(rounds, () => ask(running, request), programs.turn));
      if (proofs !== undefined) expectProofs((await programs.checked()) - before, proofs * rounds);
    }
    await programs.close();
    host.reload();
    return floors;
  } finally {
    await host.close();
  }
}

function expectProofs(right: number, wanted: number): void {
  if (right !== wanted) throw new Error(`${right} proofs were right, not ${wanted}`);
}

/** Medians of so many rounds without the programs, with them, and without again. */
async function measureRounds(
  rounds: number,
  measure: () => Promise<number>,
  turn: (how: "on" | "off") => Promise<void>,
): Promise<Floor> {
  const samples: { off: number; on: number; again: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const off = await measure();
    await turn("on");
    const on = await measure();
    await turn("off");
    samples.push({ off, on, again: await measure() });
  }
  return {
    ratio: median(samples.map(({ off, on, again }) => (2 * on) / (off + again))),
    control: median(samples.map(({ off, again }) => off / again)),
    nsWithout: median(samples.map(({ off }) => off)),
  };
}

/** The programs of an object, detached at first. */
async function startToggle(object: string, cgroup: string) {
  const command = [path.join(BUILD, "hooks-toggle"), path.join(BUILD, object), cgroup] as const;
  const child = spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
  const gone = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const readLine = async () => String((await lines.next()).value ?? "nothing");
  const expectLine = async (wanted: string) => {
    const value = await readLine();
    if (value !== wanted) throw new Error(`hooks-toggle said ${value}, not ${wanted}`);
  };
  await expectLine("ready");
  return {
    turn: async (how: "on" | "off") => {
      child.stdin.write(`${how}\n`);
      await expectLine("done");
    },
    /** What the programs have found right so far. */
    checked: async () => {
      child.stdin.write("checked\n");
      return Number(await readLine());
    },
    close: async () => {
      child.stdin.end();
      await gone;
    },
  };
}

export function formatHookCost({ rounds, times, loads }: HookCost): string {
  return formatFloors(`hooks whose programs do nothing, to no firewall · ${rounds} × ${times}`, loads);
}

export function formatFloors(title: string, loads: ReadonlyMap<string, Floor>): string {
  const lines = [...loads].map(
    ([load, { ratio, control, nsWithout }]) =>
      `  ${load}: ${ratio.toFixed(3)}, A/A ${control.toFixed(3)}; without ${nsWithout} ns`,
  );
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()}`;
  return [title, ...lines, `  ${machine}`].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { rounds, times } = takeNumbers(process, { rounds: 61, times: 1000 });
  console.log(formatHookCost(await measureHooks(rounds, times)));
}
