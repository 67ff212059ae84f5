import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { saysReady, startReady } from "../apps/start.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Service } from "../hosts/process.ts";
import type { HostName } from "../topology.ts";
import { Counter } from "../traffic/counts.ts";
import { Loops } from "../traffic/loop.ts";

export const PROGRAMS = "/srv/soak";
export const PYTHON = "/usr/bin/python3";
export const CURL = "/usr/bin/curl";
/** Longer than a clock tick: what is written in the same tick as its process begins can't be vouched for. */
const OLDER_MS = 200;
const GAP_SECONDS = 0.15;
const CURL_GAP_MS = 700;
const CURL_MS_MAX = 25_000;
const END_MS_MAX = 60_000;

const count = z.object({ sent: z.number(), ok: z.number(), failed: z.number() });
const loss = z.object({ time: z.string(), kind: z.string(), reason: z.string() });
const told = z.object({ counts: z.record(z.string(), count), losses: z.array(loss) });
export type Told = z.infer<typeof told>;

/** Who connects to whom, and whether it may. */
export const FLOWS = [
  { from: "client", to: "web", script: "client.py", allowed: true },
  { from: "web", to: "app", script: "client.py", allowed: true },
  { from: "app", to: "db", script: "client.py", allowed: true },
  { from: "web", to: "db", script: "client.py", allowed: false },
  { from: "web", to: "app", script: "intruder.py", allowed: false },
  { from: "app", to: "db", script: "intruder.py", allowed: false },
  { from: "client", to: "db", script: "client.py", allowed: false },
] as const satisfies readonly { from: HostName; to: HostName; script: string; allowed: boolean }[];
export type SoakFlow = (typeof FLOWS)[number];

/** The hosts whose programs and agents are tried. */
export const SOAKED = ["web", "app", "db"] as const satisfies readonly HostName[];

export async function installPrograms(lab: Lab): Promise<void> {
  const programs = path.join(import.meta.dirname, "programs");
  for (const name of [...SOAKED, "client"] as const) {
    const host = lab.host(name);
    for (const script of ["server.py", "client.py"])
      host.copyIn(path.join(programs, script), `${PROGRAMS}/${script}`);
    const text = await host.must(["cat", `${PROGRAMS}/client.py`]);
    host.writeFile(`${PROGRAMS}/intruder.py`, `${text}# another software\n`);
  }
  await sleep(OLDER_MS);
}

export async function startServers(lab: Lab): Promise<void> {
  for (const name of SOAKED) {
    const argv = [PYTHON, `${PROGRAMS}/server.py`];
    await startReady(lab.host(name), { unit: "server.service", user: "daemon", argv }, saysReady);
  }
}

type Client = { readonly flow: SoakFlow; readonly service: Service };

/** Steady traffic from its start to its end: known software and forbidden attempts, each counted where it is made. */
export class SoakTraffic {
  readonly #clients: readonly Client[];
  readonly #curls = new Counter();
  readonly #loops: Loops;

  private constructor(clients: readonly Client[], lab: Lab) {
    this.#clients = clients;
    this.#loops = new Loops(this.#curls, [
      { kind: "curl", gapMs: CURL_GAP_MS, request: (serial) => curl(lab, serial) },
    ]);
  }

  static async start(lab: Lab): Promise<SoakTraffic> {
    const clients = await Promise.all(
      FLOWS.map(async (flow, index) => {
        const argv = [PYTHON, `${PROGRAMS}/${flow.script}`, flow.to, String(GAP_SECONDS), String(index)];
        const program = { unit: `client-${index}.service`, user: "daemon", argv };
        return { flow, service: await startReady(lab.host(flow.from), program, saysReady) };
      }),
    );
    return new SoakTraffic(clients, lab);
  }

  /** Ends it in order, and says what was counted. */
  async stop(): Promise<{
    readonly clients: readonly { flow: SoakFlow; told: Told }[];
    readonly curl: Counter;
  }> {
    await this.#loops.stop();
    const clients = await Promise.all(
      this.#clients.map(async ({ flow, service }) => {
        service.endInput();
        const deadline = Date.now() + END_MS_MAX;
        while (service.ended === null && Date.now() < deadline) await sleep(100);
        const line = service.lines.findLast((one) => one.startsWith("{"));
        if (line === undefined)
          throw new Error(`${service.name} says nothing at its end:\n${service.tail()}`);
        return { flow, told: told.parse(JSON.parse(line)) };
      }),
    );
    return { clients, curl: this.#curls };
  }
}

async function curl(lab: Lab, serial: number): Promise<void> {
  const url = `http://app${serial % 2 === 0 ? 4 : 6}:8000/`;
  const argv = [CURL, "-sS", "--max-time", "20", url];
  const ended = await lab.host("web").run({ unit: "curl.service", user: "daemon", argv }, CURL_MS_MAX);
  if (!ended.stdout.includes("hello"))
    throw new Error(ended.stderr.trim() || `curl ended with ${ended.code}`);
}
