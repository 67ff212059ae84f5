/**
 * What an agent takes of its host: memory, and CPU idle and while programs make 1,000 connections a second. The agent is
 * started by `ringwall agent run`, with a real controller; both ends of each connection are on the host.
 *
 *   scripts/node packages/lab/bench/footprint.ts [SECONDS]     how long each is looked at
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { takeNumbers } from "@ringwall/model/testing/arguments";
import { KEY_LOAD, RealAgent } from "./real-agent.ts";

/** By then the agent has given back what only its start needed. */
const SETTLE_MS = 15_000;
const RATE = 1000;

export interface Footprint {
  /** Resident, the most that was seen; MB are 2^20 bytes. */
  readonly idleMb: number;
  readonly busyMb: number;
  /** Of a core, with the processes it has started and awaited. */
  readonly idlePercent: number;
  readonly busyPercent: number;
  readonly seconds: number;
}

export async function measureFootprint(seconds: number): Promise<Footprint> {
  const real = await RealAgent.start();
  try {
    const load = await real.startLoad([KEY_LOAD]);
    await sleep(SETTLE_MS);
    const idle = await look(real.agentPid, seconds);
    const made = load.ask(`tcp ${RATE} ${RATE * seconds}`);
    const busy = await look(real.agentPid, seconds);
    await made;
    return {
      idleMb: idle.mb,
      busyMb: busy.mb,
      idlePercent: idle.percent,
      busyPercent: busy.percent,
      seconds,
    };
  } finally {
    await real.close();
  }
}

async function look(
  pid: number,
  seconds: number,
): Promise<{ readonly mb: number; readonly percent: number }> {
  const began = performance.now();
  const before = cpuSeconds(pid);
  let mb = 0;
  for (let i = 0; i < seconds; i++) {
    await sleep(1000);
    mb = Math.max(mb, residentMb(pid));
  }
  const elapsed = (performance.now() - began) / 1000;
  return { mb, percent: ((cpuSeconds(pid) - before) / elapsed) * 100 };
}

/** Own time and that of children which have ended: fields 14 to 17 of proc_pid_stat(5). */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond();
}

function ticksPerSecond(): number {
  return Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
}

function residentMb(pid: number): number {
  const [, kilobytes = "0"] =
    /^Rss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) ?? [];
  return Number(kilobytes) / 1024;
}

export function formatFootprint(seen: Footprint): string {
  const hash = createHash("sha256").update(JSON.stringify(seen)).digest("hex").slice(0, 16);
  return [
    `an agent with a real controller, ${seen.seconds} s each`,
    `» agent, resident memory: ${Math.max(seen.idleMb, seen.busyMb).toFixed(1)} MB of 90 · idle ${seen.idleMb.toFixed(1)}, busy ${seen.busyMb.toFixed(1)}`,
    `» agent, CPU idle: ${seen.idlePercent.toFixed(2)} % of 0.5`,
    `» agent, CPU at ${RATE} connections a second: ${seen.busyPercent.toFixed(2)} % of 3`,
    `  ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()} · result ${hash}`,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { seconds } = takeNumbers(process, { seconds: 60 });
  console.log(formatFootprint(await measureFootprint(seconds)));
}
