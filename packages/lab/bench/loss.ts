/**
 * Whether a host loses flows under load: new TCP connections and new UDP peers at a steady rate, seen by a real agent and
 * kept by a real controller. Every flow has to be stored or counted as lost, to the last one.
 *
 *   scripts/node packages/lab/bench/loss.ts [TCP_RATE] [UDP_RATE] [SECONDS]     rates are flows a second
 */
import { createHash } from "node:crypto";
import { cpus, release } from "node:os";
import { pathToFileURL } from "node:url";
import { takeNumbers } from "@ringwall/model/testing/arguments";
import { KEY_LOAD, RealAgent, type Stored } from "./real-agent.ts";

/** Milliseconds after the agent's first look, in which flows of programs that are not known yet are left out. */
const FIRST_LOOK_MS = 6000;
const ARRIVE_MS_MAX = 240_000;
/** Flows that fit 32 bits at any rate. */
const SECONDS_MAX = 3600;
const TCP = 6;
const UDP = 17;

export type LossOptions = { readonly tcpRate: number; readonly udpRate: number; readonly seconds: number };

export interface Loss {
  readonly tcp: Counted;
  readonly udp: Counted;
  /** What the agent counted as lost, by cause. */
  readonly lost: Readonly<Record<string, number>>;
  /** Flows that are neither stored nor counted as lost. */
  readonly silent: number;
  /** Seconds from the end of the load until everything was stored. */
  readonly behindSeconds: number;
}

/** A connection has two ends here, and counts twice. */
interface Counted {
  readonly made: number;
  readonly stored: number;
  /** As it came out; less than asked for means that the machine could not make more. */
  readonly rate: number;
}

export async function measureLoss({ tcpRate, udpRate, seconds }: LossOptions): Promise<Loss> {
  const real = await RealAgent.start();
  try {
    const load = await real.startLoad([KEY_LOAD]);
    await new Promise((resolve) => setTimeout(resolve, FIRST_LOOK_MS));
    const counts = { tcp: tcpRate * seconds, udp: udpRate * seconds };
    // One after the other: each is a goal of its own.
    const tcpMs = Number(await load.ask(`tcp ${tcpRate} ${counts.tcp}`));
    const udpMs = Number(await load.ask(`udp ${udpRate} ${counts.udp}`));
    const ended = performance.now();
    await settled(real);
    const behindSeconds = (performance.now() - ended) / 1000;
    const stored = await real.stop();
    const lost = lossesOf(real);
    const tcp = { made: 2 * counts.tcp, stored: flowsOf(stored, TCP), rate: (counts.tcp / tcpMs) * 1000 };
    const udp = { made: counts.udp, stored: flowsOf(stored, UDP), rate: (counts.udp / udpMs) * 1000 };
    const counted = Object.values(lost).reduce((sum, count) => sum + count, 0);
    const silent = tcp.made - tcp.stored + udp.made - udp.stored - counted;
    return { tcp, udp, lost, silent, behindSeconds };
  } finally {
    await real.close();
  }
}

/** Everything that was drained after the load has been sent. */
async function settled(real: RealAgent): Promise<void> {
  const since = Date.now() + 3000;
  await real.until(
    "nothing waits to be sent any more",
    () => {
      const status = real.status();
      return status !== undefined && Date.parse(status.updated) > since && status.spooledReports === 0;
    },
    ARRIVE_MS_MAX,
  );
}

function lossesOf(real: RealAgent): Record<string, number> {
  const status = real.status();
  if (status === undefined) throw new Error("the agent left no status");
  const { flowMapFull = "0", spoolFull = "0", refused = "0" } = status.lost;
  const { beforeFirstLook = "0" } = status.counters;
  return Object.fromEntries(
    Object.entries({ flowMapFull, spoolFull, refused, beforeFirstLook })
      .map(([cause, count]) => [cause, Number(count)] as const)
      .filter(([, count]) => count > 0),
  );
}

function flowsOf(stored: readonly Stored[], proto: number): number {
  return stored.filter((row) => row.proto === proto).reduce((sum, row) => sum + Number(row.flows), 0);
}

export function formatLoss(loss: Loss): string {
  const hash = createHash("sha256").update(JSON.stringify(loss)).digest("hex").slice(0, 16);
  const line = (what: string, { made, stored, rate }: Counted) =>
    `  ${what}: ${Math.round(rate)} a second, ${made} flows, ${stored} stored (${((100 * stored) / made).toFixed(2)} %)`;
  const lost = Object.entries(loss.lost).map(([cause, count]) => `${cause} ${count}`);
  return [
    "flows of a host under load, each stored or counted as lost",
    line("new TCP connections, both ends", loss.tcp),
    line("new UDP peers", loss.udp),
    `» flows lost silently: ${Math.abs(loss.silent)} flows of 0 · counted as lost: ${lost.join(", ") || "none"}`,
    `  all stored ${loss.behindSeconds.toFixed(0)} s after the load · ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, ` +
      `Linux ${release()} · result ${hash}`,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const loss = await measureLoss(
    takeNumbers(process, {
      tcpRate: 10_000,
      udpRate: 50_000,
      seconds: { default: 60, max: SECONDS_MAX },
    }),
  );
  console.log(formatLoss(loss));
  if (loss.silent !== 0) process.exitCode = 1;
}
