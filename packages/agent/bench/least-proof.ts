/**
 * What a proof of the software in SYN and SYN-ACK costs a new TCP connection where nothing else is done (least_proof.bpf.c:
 * no policy, no identity, no flows), as a ratio to no firewall. No data plane with these hooks proves for less.
 *
 *   scripts/node packages/agent/bench/least-proof.ts [ROUNDS] [CONNECTIONS]
 *
 * The loads are those of proof.ts. In each round the same process runs without the programs, with them attached, and
 * without again; the two without are the A/A control. Medians of the rounds' ratios.
 */
import { pathToFileURL } from "node:url";
import { takeNumbers } from "@ringwall/model/testing/arguments";
import { type Floor, type FloorLoad, formatFloors, measureFloors } from "./hooks.ts";
import { APART, INLINE, NODE, timesOf } from "./proof.ts";

export interface LeastProof {
  readonly rounds: number;
  readonly connections: number;
  readonly loads: ReadonlyMap<string, Floor>;
}

export async function measureLeastProof(rounds: number, connections: number): Promise<LeastProof> {
  const load = (command: typeof NODE): FloorLoad => {
    const times = timesOf(command, connections);
    return { argv: command.argv, request: times, proofs: 2 * times };
  };
  const loads = await measureFloors("least_proof.bpf.o", rounds, {
    "Node.js": load(NODE),
    "a loop in C, in processes": load(APART),
    "a loop in C, in one thread": load(INLINE),
  });
  return { rounds, connections, loads };
}

export function formatLeastProof({ rounds, connections, loads }: LeastProof): string {
  const title = `a proof in SYN and SYN-ACK and nothing else, to no firewall · ${rounds} × ${connections}`;
  return formatFloors(title, loads);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { rounds, connections } = takeNumbers(process, { rounds: 41, connections: 1000 });
  console.log(formatLeastProof(await measureLeastProof(rounds, connections)));
}
