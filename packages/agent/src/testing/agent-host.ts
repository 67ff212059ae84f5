import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { HostPolicy } from "@ringwall/policy/lower";
import type { ControllerMessage } from "@ringwall/protocol/agent";
import { carriedIds, removeCarried } from "../carry/carrier.ts";
import { cgroupRoot, SLOWNESS } from "../kernel/testing/requirements.ts";
import { unloadPrograms } from "../kernel-instance.ts";
import { startTestController, type TestController } from "./test-controller.ts";

const RUNNER = fileURLToPath(new URL("run-agent.ts", import.meta.url));
/** Ends what hangs: longer than anything that a test waits for, an agent's start on a busy machine included. */
const RUN_MS_MAX = 100_000 * SLOWNESS;
const UNTIL_POLL_MS = 20;
const UNTIL_TRIES_MAX = 3000 * SLOWNESS;

export type Ran = { readonly code: number | null; readonly output: string };

/** A whole agent on a control group of its own, with a controller to talk to and a port to connect to. */
export class AgentHost {
  readonly folder = mkdtempSync(`${tmpdir()}/ringwall-agent-`);
  readonly stateDir = `${this.folder}/state`;
  readonly pinDir = `${this.folder}/bpf/agent`;
  readonly cgroup = `${cgroupRoot()}/rwagent${randomBytes(3).toString("hex")}`;
  readonly controller: TestController;
  readonly target: Server;
  agent: ChildProcess | undefined;
  log = "";

  constructor(controller: TestController, target: Server) {
    this.controller = controller;
    this.target = target;
    mkdirSync(this.cgroup);
    writeFileSync(`${this.folder}/token`, controller.token());
  }

  static async start(): Promise<AgentHost> {
    const target = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.resume();
      socket.end("hello");
    });
    await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
    return new AgentHost(await startTestController(), target);
  }

  get port(): number {
    const address = this.target.address();
    if (address === null || typeof address === "string") throw new Error("the target does not listen");
    return address.port;
  }

  /** Starts an agent process; resolves when it judges, or with what it said when it ended before. */
  async startAgent(options: Record<string, unknown> = {}): Promise<Ran | "ready"> {
    const { stateDir, pinDir, cgroup } = this;
    const all = {
      stateDir,
      pinDir,
      cgroup,
      tokenFile: `${this.folder}/token`,
      workload: "web-1",
      ...options,
    };
    const agent = spawn(process.execPath, [RUNNER, JSON.stringify(all)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.agent = agent;
    this.log = "";
    agent.stderr.on("data", (data) => {
      this.log += data;
    });
    return new Promise((resolve) => {
      agent.stdout.once("data", () => resolve("ready"));
      agent.once("exit", (code) => resolve({ code, output: this.log }));
    });
  }

  async stopAgent(signal: NodeJS.Signals): Promise<void> {
    const { agent } = this;
    if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
    const gone = new Promise((resolve) => agent.once("exit", resolve));
    agent.kill(signal);
    await gone;
  }

  file(name: string, text: string): string {
    const path = `${this.folder}/${name}`;
    writeFileSync(path, text, { mode: 0o755 });
    return path;
  }

  /** Runs a command in the control group to its end. */
  async run(
    argv: readonly string[],
    environment: Record<string, string> = {},
    { cwd = this.folder, input }: { readonly cwd?: string; readonly input?: string } = {},
  ): Promise<Ran> {
    const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
    const child = spawn("/bin/sh", ["-c", enter, this.cgroup, ...argv], {
      cwd,
      env: { PATH: "/usr/bin:/bin", ...environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    // Programs that read nothing may be gone by then.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input ?? "");
    const limit = setTimeout(() => child.kill("SIGKILL"), RUN_MS_MAX);
    let output = "";
    child.stdout.on("data", (data) => {
      output += data;
    });
    child.stderr.on("data", (data) => {
      output += data;
    });
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    clearTimeout(limit);
    return { code, output };
  }

  /** Sends a policy as the controller would. */
  provision(generation: bigint, policy: HostPolicy, confirmWithinSeconds = 0): void {
    this.controller.send(policyMessage(generation, policy, confirmWithinSeconds));
  }

  /** Sends a draft as the controller would. */
  startShadow(run: bigint, policy: HostPolicy, secondsLeft: number): void {
    const hostPolicy = Buffer.from(JSON.stringify(policy));
    const digest = createHash("sha256").update(hostPolicy).digest();
    this.controller.send({
      case: "shadowStart",
      value: {
        $typeName: "ringwall.agent.v1.ShadowStart",
        run,
        hostPolicy: new Uint8Array(hostPolicy),
        digest: new Uint8Array(digest),
        secondsLeft,
      },
    });
  }

  /** The last StatusReport that the controller got. */
  get status() {
    return this.controller.statuses.at(-1);
  }

  async until(what: () => boolean | undefined | Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < UNTIL_TRIES_MAX; tries++) {
      if (await what()) return;
      await sleep(UNTIL_POLL_MS);
    }
    throw new Error(`never came true: ${what}\n${this.log}\n${this.status?.problem}`);
  }

  async close(): Promise<void> {
    await this.stopAgent("SIGKILL");
    for (const id of await carriedIds(this.stateDir)) await removeCarried(this, id);
    if (existsSync(this.pinDir)) await unloadPrograms(this.pinDir);
    await this.controller.close();
    await new Promise((resolve) => this.target.close(resolve));
    rmSync(this.folder, { recursive: true });
    rmdirSync(this.cgroup);
  }
}

/** A policy as the controller sends it. */
export function policyMessage(
  generation: bigint,
  policy: HostPolicy,
  confirmWithinSeconds = 0,
): ControllerMessage["message"] {
  const hostPolicy = Buffer.from(JSON.stringify(policy));
  return {
    case: "policy",
    value: {
      $typeName: "ringwall.agent.v1.PolicyUpdate",
      generation,
      hostPolicy: new Uint8Array(hostPolicy),
      digest: new Uint8Array(createHash("sha256").update(hostPolicy).digest()),
      confirmWithinSeconds,
    },
  };
}

export function sha256Of(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
