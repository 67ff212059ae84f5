import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { LabHost } from "../hosts/host.ts";
import type { Service } from "../hosts/process.ts";
import { CONTROLLER_DATA, ringwall } from "../ringwall/command.ts";

const STATE = "/srv/agent";
const PIN = "/run/ringwall/bpf/agent";
const TOKEN = "/run/ringwall-token";
const CLOCK = "/run/clock";
const OBJECT = path.resolve(import.meta.dirname, "../../../agent/build/ringwall.bpf.o");
/** The agent's state, so that a full disk is its own and small. */
const STATE_MIB = 48;
const READY_MS_MAX = 180_000;
const STOP_MS_MAX = 20_000;
const POLL_MS = 100;

const status = z.object({
  connected: z.boolean(),
  updated: z.string(),
  spooledReports: z.number(),
  lost: z.record(z.string(), z.string()),
  counters: z.record(z.string(), z.string()),
});
type Status = z.infer<typeof status>;

/** The agent of one host, and what can happen to it. */
export class SoakAgent {
  readonly host: LabHost;
  #service: Service | null = null;
  #objects = 0;

  constructor(host: LabHost) {
    this.host = host;
  }

  async enrol(token: string): Promise<void> {
    await this.host.must(["install", "-d", "-m", "700", STATE]);
    await this.host.must(["mount", "-t", "tmpfs", "-o", `mode=700,size=${STATE_MIB}m`, "soak", STATE]);
    this.host.writeFile(TOKEN, token, 0o600);
    await this.start(["--token-file", TOKEN]);
  }

  /** Starts it, and waits until it judges. */
  async start(more: readonly string[] = []): Promise<void> {
    const { name, spec, cgroup } = this.host;
    const labels = Object.entries(spec.labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]);
    const args = ["agent", "run", "--state", STATE, "--pin", PIN, "--cgroup", cgroup, "--name", name];
    const program = ringwall("ringwall-agent.service", [
      ...args,
      "--proof-period",
      "20s",
      ...labels,
      ...more,
    ]);
    const clock = path.join(import.meta.dirname, "clock.ts");
    const service = this.host.start({
      ...program,
      environment: {
        ...program.environment,
        NODE_OPTIONS: `--import=${clock}`,
        SOAK_CLOCK_FILE: CLOCK,
        RINGWALL_DEBUG: "1",
      },
    });
    this.#service = service;
    const deadline = Date.now() + READY_MS_MAX;
    while (!service.lines.some((line) => line.includes("judging for"))) {
      if (service.ended !== null) throw new Error(`the agent on ${name} ended:\n${service.tail()}`);
      if (Date.now() > deadline)
        throw new Error(`the agent on ${name} does not get ready:\n${service.tail()}`);
      await sleep(POLL_MS);
    }
  }

  async stop(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.#service?.stop(signal, STOP_MS_MAX);
  }

  /** Another build of the programs in the object's place, as an upgrade's package would put it there. */
  async replaceObject(): Promise<void> {
    this.#objects += 1;
    const other = `/run/object-${this.#objects}`;
    const text = Buffer.concat([readFileSync(OBJECT), Buffer.alloc(this.#objects)]);
    writeFileSync(this.host.file(other), text);
    // Over the one before, which a loader may still read.
    await this.host.must(["mount", "--bind", other, OBJECT]);
  }

  fillDisk(): void {
    const ballast = this.host.file(`${STATE}/ballast`);
    try {
      writeFileSync(ballast, Buffer.alloc(STATE_MIB << 20));
    } catch (error) {
      if (!String(error).includes("ENOSPC")) throw error;
    }
  }

  freeDisk(): void {
    rmSync(this.host.file(`${STATE}/ballast`), { force: true });
  }

  /** Sets its wall clock ahead of the machine's. */
  setClock(seconds: number): void {
    this.host.writeFile(CLOCK, String(seconds));
  }

  get status(): Status | null {
    const file = this.host.file(`${STATE}/status.json`);
    return existsSync(file) ? status.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
  }

  get isRunning(): boolean {
    return this.#service !== null && this.#service.ended === null;
  }

  /** What it printed that is not news, and its last lines. */
  problems(): readonly string[] {
    return (this.#service?.lines ?? []).filter((line) => /"level":50|is dropped/.test(line));
  }

  tail(): string {
    return this.#service?.tail() ?? "";
  }
}

export const TOKEN_FILE = (name: string) => `${CONTROLLER_DATA}-${name}.token`;
