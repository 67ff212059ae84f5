/** A real agent with a real controller and its stores, each a process of its own, and a host for load beside them. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { createRingwallClient } from "@ringwall/protocol/client";
import { findCgroup2 } from "../src/hosts/cgroup.ts";

const PACKAGES = path.resolve(import.meta.dirname, "../..");
const BIN = path.resolve(PACKAGES, "../bin/ringwall");
const LOADER = path.join(PACKAGES, "agent/build/ringwall-bpf");
const CONTROLLER = path.join(PACKAGES, "controller/src/testing/run-controller.ts");
const COUNT_FLOWS = path.join(PACKAGES, "controller/src/testing/count-flows.ts");
export const KEY_LOAD = path.join(PACKAGES, "agent/build/key-load");
const READY_MS_MAX = 90_000;
/** Packets to 10.128.0.0/9 leave by a wire at whose end they are nobody's. */
const SINK = [
  "link set lo up",
  "link add sink0 type veth peer name sink1",
  "addr add 10.0.0.1/30 dev sink0",
  "link set sink0 up",
  "link set sink1 up",
  "neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev sink0 nud permanent",
  "route add 10.128.0.0/9 via 10.0.0.2",
];
const LOOK_MS = 100;

/** How many flows of a kind the controller has. */
export type Stored = { readonly proto: number; readonly direction: string; readonly flows: number };

/** What the agent writes about itself; numbers as text. */
export type AgentStatus = {
  readonly counters: Readonly<Record<string, string>>;
  readonly lost: Readonly<Record<string, string>>;
  readonly spooledReports: number;
  readonly updated: string;
};

export type Load = {
  /** Writes a line and resolves with the one that answers it. */
  readonly ask: (line: string) => Promise<string>;
};

/** Everything that is removed at the end; `close` may be called after `stop`. */
export class RealAgent {
  readonly folder = mkdtempSync(path.join(tmpdir(), "ringwall-real-"));
  readonly name = path.basename(this.folder).replaceAll("-", "");
  readonly cgroup = path.join(cgroupMount(), this.name);
  readonly #children: ChildProcess[] = [];
  #agent: ChildProcess | undefined;
  #controller: ChildProcess | undefined;
  #log = "";

  static async start(): Promise<RealAgent> {
    const made = new RealAgent();
    try {
      await made.#start();
      return made;
    } catch (error) {
      await made.close();
      throw error;
    }
  }

  get agentPid(): number {
    return this.#agent?.pid ?? 0;
  }

  get log(): string {
    return this.#log;
  }

  async #start(): Promise<void> {
    const { folder, name, cgroup } = this;
    // The private PostgreSQL runs as a user of its own.
    chmodSync(folder, 0o711);
    mkdirSync(cgroup);
    execFileSync("ip", ["netns", "add", name]);
    for (const command of SINK) execFileSync("ip", ["-n", name, ...command.split(" ")]);
    const controller = spawn(process.execPath, [CONTROLLER, path.join(folder, "controller")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#children.push(controller);
    this.#controller = controller;
    const { usersUrl, operatorTokenFile } = JSON.parse(await firstLine(controller));
    const token = await enrolmentToken(usersUrl, readFileSync(operatorTokenFile, "utf8").trim());
    writeFileSync(`${folder}/token`, token, { mode: 0o600 });
    const places = ["--state", `${folder}/state`, "--pin", `${folder}/bpf/agent`, "--cgroup", cgroup];
    const agent = spawn(
      BIN,
      ["agent", "run", ...places, "--token-file", `${folder}/token`, "--name", "bench-1"],
      {
        stdio: ["ignore", "inherit", "pipe"],
      },
    );
    this.#children.push(agent);
    this.#agent = agent;
    agent.stderr.on("data", (text) => {
      this.#log += text;
    });
    await this.until("the agent judges", () => /judging for/.test(this.#log));
  }

  /** Starts a program among those that the agent watches; it says "ready" first. */
  async startLoad(argv: readonly string[]): Promise<Load> {
    const enter = 'echo $$ > "$0/cgroup.procs"; name=$1; shift; exec nsenter --net="/run/netns/$name" "$@"';
    const child = spawn("sh", ["-c", enter, this.cgroup, this.name, ...argv], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#children.push(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${argv[0]} ended`);
      return value;
    };
    if ((await next()) !== "ready") throw new Error(`${argv[0]} did not get ready`);
    return {
      ask: (line) => {
        child.stdin.write(`${line}\n`);
        return next();
      },
    };
  }

  status(): AgentStatus | undefined {
    try {
      return JSON.parse(readFileSync(`${this.folder}/state/status.json`, "utf8"));
    } catch {
      return undefined;
    }
  }

  async until(what: string, isSo: () => boolean, msMax = READY_MS_MAX): Promise<void> {
    for (const end = performance.now() + msMax; performance.now() < end; await sleep(LOOK_MS)) {
      if (isSo()) return;
      if (this.#agent?.exitCode !== null && this.#agent !== undefined) break;
    }
    throw new Error(`not seen: ${what}\n${this.#log}`);
  }

  /** Ends both in order, so that everything is where it goes, and counts what the controller has stored. */
  async stop(): Promise<readonly Stored[]> {
    await end(this.#agent);
    await end(this.#controller);
    return JSON.parse(
      execFileSync(process.execPath, [COUNT_FLOWS, path.join(this.folder, "controller")], {
        encoding: "utf8",
      }),
    );
  }

  async close(): Promise<void> {
    for (const child of this.#children.reverse()) await end(child);
    if (existsSync(`${this.folder}/bpf/agent`))
      execFileSync(LOADER, ["unload", "--pin", `${this.folder}/bpf/agent`], { stdio: "ignore" });
    execFileSync("ip", ["netns", "delete", this.name]);
    rmSync(this.folder, { recursive: true, force: true });
    if (existsSync(this.cgroup)) rmdirSync(this.cgroup);
  }
}

async function enrolmentToken(baseUrl: string, operatorToken: string): Promise<string> {
  const client = createRingwallClient({ baseUrl, token: operatorToken });
  const { data, error } = await client.POST("/api/v1/enrollment-tokens", { body: {} });
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data.token;
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("its output goes elsewhere");
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error("the controller ended before it was ready");
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}

function cgroupMount(): string {
  const mount = findCgroup2(readFileSync("/proc/self/mountinfo", "utf8"));
  if (mount === null) throw new Error("no cgroup2 is mounted on this machine");
  return mount;
}
