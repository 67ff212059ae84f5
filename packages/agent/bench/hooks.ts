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
import { ask, median } from "./proof.ts";

const BUILD = fileURLToPath(new URL("../build", import.meta.url));
const LOADS = {
  "new TCP connection": { program: "connect-load", kind: "" },
  "new UDP flow": { program: "traffic-load", kind: "udp-flow " },
  "UDP request and reply": { program: "traffic-load", kind: "udp " },
  "TCP request and reply": { program: "traffic-load", kind: "tcp " },
} as const;
type Load = keyof typeof LOADS;

export interface Floor {
  readonly ratio: number;
  readonly control: number;
  readonly nsWithout: number;
}

export interface HookCost {
  readonly rounds: number;
  readonly times: number;
  readonly loads: Readonly<Record<Load, Floor>>;
}

export async function measureHooks(rounds: number, times: number): Promise<HookCost> {
  const host = new TestHost("h");
  try {
    const programs = new Map<string, Running>();
    for (const name of ["connect-load", "traffic-load"])
      programs.set(name, await host.start([path.join(BUILD, name)], 1));
    host.unload();
    const hooks = await startToggle("hooks.bpf.o", host.cgroup);
    const loads: Partial<Record<Load, Floor>> = {};
    for (const [load, { program, kind }] of Object.entries(LOADS)) {
      const running = programs.get(program);
      if (running === undefined) throw new Error(`${program} was not started`);
      loads[load as Load] = await measureToggled(rounds, () => ask(running, `${kind}${times}`), hooks.turn); // a key of LOADS
    }
    await hooks.close();
    host.reload();
    return { rounds, times, loads: loads as HookCost["loads"] }; // every load was measured
  } finally {
    await host.close();
  }
}

/** Medians of so many rounds without the programs, with them, and without again. */
export async function measureToggled(
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
export async function startToggle(object: string, cgroup: string) {
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

export function formatHookCost(cost: HookCost): string {
  const lines = Object.entries(cost.loads).map(
    ([load, { ratio, control, nsWithout }]) =>
      `  ${load}: ${ratio.toFixed(3)}, A/A ${control.toFixed(3)}; without ${nsWithout} ns`,
  );
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()}`;
  return [
    `hooks whose programs do nothing, to no firewall · ${cost.rounds} × ${cost.times}`,
    ...lines,
    `  ${machine}`,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { rounds, times } = takeNumbers(process, { rounds: 61, times: 1000 });
  console.log(formatHookCost(await measureHooks(rounds, times)));
}
