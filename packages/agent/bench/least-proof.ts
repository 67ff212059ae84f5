/**
 * What a proof of the software in SYN and SYN-ACK costs a new TCP connection where nothing else is done (least_proof.bpf.c:
 * no policy, no identity, no flows), as a ratio to no firewall. No data plane with these hooks proves for less.
 *
 *   scripts/node packages/agent/bench/least-proof.ts [ROUNDS] [CONNECTIONS]
 *
 * The loads are those of proof.ts. In each round the same process runs without the programs, with them attached, and
 * without again; the two without are the A/A control. Medians of the rounds' ratios.
 */
import { cpus, release } from "node:os";
import { pathToFileURL } from "node:url";
import { takeNumbers } from "@ringwall/model/testing/arguments";
import { TestHost } from "../src/kernel/testing/host.ts";
import { type Floor, measureToggled, startToggle } from "./hooks.ts";
import { APART, ask, INLINE, NODE } from "./proof.ts";

const LOADS = {
  "Node.js": NODE,
  "a loop in C, in processes": APART,
  "a loop in C, in one thread": INLINE,
} as const;
/** By then a program that compiles itself as it runs has done so. */
const WARMING_ROUNDS = 4;

export interface LeastProof {
  readonly rounds: number;
  readonly connections: number;
  readonly loads: ReadonlyMap<string, Floor>;
}

export async function measureLeastProof(rounds: number, connections: number): Promise<LeastProof> {
  const host = new TestHost("l");
  try {
    const loads = new Map<string, Floor>();
    for (const [name, load] of Object.entries(LOADS))
      loads.set(name, await measureLoad(host, load, rounds, connections));
    return { rounds, connections, loads };
  } finally {
    await host.close();
  }
}

async function measureLoad(
  host: TestHost,
  { argv, share }: typeof NODE,
  rounds: number,
  connections: number,
): Promise<Floor> {
  const times = Math.max(20, Math.floor(connections / share));
  const running = await host.start(argv, 1);
  host.unload();
  const programs = await startToggle("least_proof.bpf.o", host.cgroup);
  for (let round = 0; round < WARMING_ROUNDS; round++) await ask(running, times);
  const before = await programs.checked();
  const floor = await measureToggled(rounds, () => ask(running, times), programs.turn);
  const checked = (await programs.checked()) - before;
  await programs.close();
  await running.stop();
  host.reload();
  if (checked !== 2 * times * rounds)
    throw new Error(`${checked} proofs were right, not ${2 * times * rounds}`);
  return floor;
}

export function formatLeastProof({ rounds, connections, loads }: LeastProof): string {
  const lines = [...loads].map(
    ([name, { ratio, control, nsWithout }]) =>
      `  ${name}: ${ratio.toFixed(3)}, A/A ${control.toFixed(3)}; without ${nsWithout} ns`,
  );
  return [
    `a proof in SYN and SYN-ACK and nothing else, to no firewall · ${rounds} × ${connections}`,
    ...lines,
    `  ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()}`,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { rounds, connections } = takeNumbers(process, { rounds: 41, connections: 1000 });
  console.log(formatLeastProof(await measureLeastProof(rounds, connections)));
}
