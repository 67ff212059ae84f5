/**
 * What it costs to start a known program: observed, and controlled by the gate, as ratios to no Ringwall at all.
 *
 *   scripts/node packages/agent/bench/exec.ts [ROUNDS] [STARTS]
 *
 * Each round measures without, observed, controlled, and without again, in an order that is reversed every round; the two
 * without are the A/A control. A figure is the median of the rounds' ratios.
 */
import { createHash } from "node:crypto";
import { cpus, release } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { takeNumbers } from "@ringwall/model/testing/arguments";
import { startGate } from "../src/exec/gate-process.ts";
import type { ExecEvent } from "../src/kernel/contract.ts";
import { type Running, TestHost } from "../src/kernel/testing/host.ts";
import { ExecMount } from "../src/testing/exec-mount.ts";
import { formatGoal } from "./goal.ts";

const LOAD = fileURLToPath(new URL("../build/exec-load", import.meta.url));
const LOOK_MS = 20;

type Ratio = { readonly median: number; readonly lowerQuartile: number; readonly upperQuartile: number };
export interface ExecCost {
  readonly rounds: number;
  readonly starts: number;
  readonly observed: Ratio;
  readonly controlled: Ratio;
  /** Without against without: what the machine's noise makes of 1. */
  readonly control: Ratio;
  readonly nsWithout: number;
  /** How often the gate had to ask in one round: once for the program and once for its loader. */
  readonly questions: number;
}

/** Takes about four seconds a round with a thousand starts. */
export async function measureExec(rounds: number, starts: number): Promise<ExecCost> {
  const mount = new ExecMount();
  const host = new TestHost("x");
  try {
    const program = mount.copy("/bin/true", "program");
    const load = await host.start([LOAD, program]);
    await start(load, starts);
    host.unload();
    const samples: Sample[] = [];
    for (let round = 0; round < rounds; round++) samples.push(await measureRound(round));
    host.reload();
    return summarize(samples, starts);

    async function measureRound(round: number): Promise<Sample> {
      const sample: Partial<Record<keyof Sample, number>> = {};
      const steps = {
        without: () => start(load, starts),
        observed: () => withPrograms(host, program, () => start(load, starts)),
        controlled: () =>
          withPrograms(host, program, async () => {
            const gated = await withGate(mount.path, () => start(load, starts));
            sample.questions = gated.questions;
            return gated.ns;
          }),
        again: () => start(load, starts),
      };
      const order = ["without", "observed", "controlled", "again"] as const;
      for (const name of round % 2 === 0 ? order : order.toReversed()) sample[name] = await steps[name]();
      // Every step has run.
      return sample as Sample;
    }
  } finally {
    await host.close();
    mount.close();
  }
}

type Sample = Record<"without" | "observed" | "controlled" | "again" | "questions", number>;

/** Loads the programs and makes the program known to the kernel, as the agent does when it has hashed and judged it. */
async function withPrograms(host: TestHost, program: string, work: () => Promise<number>): Promise<number> {
  host.reload();
  host.events.length = 0;
  await host.run([program]);
  const isIt = (event: (typeof host.events)[number]): event is ExecEvent =>
    event.type === "exec" && event.filename === program;
  while (!host.events.some(isIt)) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  const event = host.events.find(isIt);
  if (event !== undefined) {
    const { cgroupId } = event.task;
    host.kernel.setExecutable(event.file, 1, false);
    host.kernel.setIdentity({ exeId: 1, scriptId: 0, uid: event.uid, cgroupId }, 1);
    host.kernel.exec.addRoutine({ file: event.file, exeId: 1, uid: event.uid, cgroupId });
  }
  const ns = await work();
  host.events.length = 0;
  host.unload();
  return ns;
}

async function withGate(
  path: string,
  work: () => Promise<number>,
): Promise<{ readonly ns: number; readonly questions: number }> {
  let questions = 0;
  const gate = startGate({
    scope: "",
    paths: [path],
    failOpen: false,
    onAsk: async () => {
      questions++;
      return { allow: true, keep: true };
    },
    onDenied: () => undefined,
    onExpired: () => undefined,
    onUnmarked: () => undefined,
    onEnd: (how) => {
      throw new Error(`the gate has ended: ${how}`);
    },
  });
  await gate.ready;
  const ns = await work();
  await gate.stop();
  return { ns, questions };
}

async function start(load: Running, starts: number): Promise<number> {
  load.child.stdin?.write(`${starts}\n`);
  return Number(await load.line());
}

function summarize(samples: readonly Sample[], starts: number): ExecCost {
  const base = ({ without, again }: Sample) => (without + again) / 2;
  return {
    rounds: samples.length,
    starts,
    observed: ratioOf(samples.map((one) => one.observed / base(one))),
    controlled: ratioOf(samples.map((one) => one.controlled / base(one))),
    control: ratioOf(samples.map((one) => one.without / one.again)),
    nsWithout: Math.round(quantile(samples.map(base), 0.5)),
    questions: Math.max(...samples.map((one) => one.questions)),
  };
}

function ratioOf(values: readonly number[]): Ratio {
  return {
    median: quantile(values, 0.5),
    lowerQuartile: quantile(values, 0.25),
    upperQuartile: quantile(values, 0.75),
  };
}

function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * at), sorted.length - 1)] ?? Number.NaN;
}

export function formatExecCost(cost: ExecCost): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()}`;
  const hash = createHash("sha256").update(JSON.stringify(cost)).digest("hex").slice(0, 16);
  const text = ({ median, lowerQuartile, upperQuartile }: Ratio) =>
    `${median.toFixed(3)} [${lowerQuartile.toFixed(3)} ${upperQuartile.toFixed(3)}]`;
  const goal = (how: string, ratio: Ratio, limit: number) =>
    formatGoal(`start of a known program, ${how}`, ratio.median, limit, text(ratio));
  return [
    `start of a known program until its end · ${cost.rounds} × ${cost.starts}`,
    goal("observed", cost.observed, 1.04),
    goal("controlled by fanotify", cost.controlled, 1.2),
    `  A/A ${text(cost.control)}, ${cost.nsWithout} ns without`,
    `  ${cost.questions} questions a round · ${machine} · result ${hash}`,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { rounds, starts } = takeNumbers(process, { rounds: 11, starts: 1000 });
  console.log(formatExecCost(await measureExec(rounds, starts)));
}
