import { setTimeout as sleep } from "node:timers/promises";
import { type WorkloadView, workloadView } from "@ringwall/protocol/rest";
import type { LabHost } from "../hosts/host.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Service } from "../hosts/process.ts";
import { onThisMachine } from "../slowness.ts";
import { type HostName, managedHosts } from "../topology.ts";
import { CONTROLLER_DATA, type Operator, ringwall } from "./command.ts";

const STATE = "/srv/agent";
export const PIN = "/run/ringwall/bpf/agent";
const TOKEN = "/run/ringwall-token";
/** A limit that nobody waits for where all is well: five agents at once take minutes where processors are emulated. */
const SETTLE_MS_MAX = 180_000;
const SETTLE_POLL_MS = 300;
const STOP_MS_MAX = 10_000;

/** What an agent is told beyond the usual. */
export type AgentExtra = {
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
};

/** One agent for each managed host, each on its own cgroup. */
export class Agents {
  readonly #lab: Lab;
  readonly #operator: Operator;
  readonly #services = new Map<HostName, Service>();
  #tokens = 0;

  constructor(lab: Lab, operator: Operator) {
    this.#lab = lab;
    this.#operator = operator;
  }

  /** Enrols and starts every agent. */
  async enrol(): Promise<void> {
    for (const name of managedHosts) await this.#enrolOne(name);
  }

  /** A host that the controller has forgotten: its agent ends, what it knew is removed, and it enrols as a new one. */
  async enrolAnew(name: HostName): Promise<void> {
    await this.stop(name);
    const places = ["--state", STATE, "--pin", PIN];
    await this.#lab.host(name).must(ringwall("setup.service", ["agent", "uninstall", ...places]).argv);
    await this.#enrolOne(name);
  }

  async stop(name: HostName): Promise<void> {
    await this.#services.get(name)?.stop("SIGTERM", STOP_MS_MAX);
  }

  /** Ends an agent and starts it again, told otherwise. */
  async restartOne(name: HostName, extra: AgentExtra): Promise<void> {
    await this.stop(name);
    this.#start(name, extra);
  }

  /** Everything an agent printed since it was started last. */
  lines(name: HostName): readonly string[] {
    return this.#services.get(name)?.lines ?? [];
  }

  /** `kill -9`, all at once, as a crash would. */
  async kill(): Promise<void> {
    await Promise.all([...this.#services.values()].map((agent) => agent.stop("SIGKILL", 0)));
  }

  /** Starts the killed agents again; they find their certificate and the pinned programs. */
  restart(): void {
    for (const name of managedHosts) this.#start(name, {});
  }

  /** Waits until every agent is heard and enforces what it should. */
  async settled(): Promise<readonly WorkloadView[]> {
    const deadline = Date.now() + onThisMachine(SETTLE_MS_MAX);
    for (;;) {
      const workloads = await this.#operator.ask(workloadView, "get", "workloads");
      const ours = workloads.filter(({ name }) => (managedHosts as readonly string[]).includes(name));
      if (ours.length === managedHosts.length && ours.every(isSettled)) return ours;
      this.#refuseEnded();
      if (Date.now() > deadline) throw new Error(`agents do not settle: ${this.#describe(ours)}`);
      await sleep(SETTLE_POLL_MS);
    }
  }

  /** What an agent printed last, for messages. */
  tail(name: HostName): string {
    return this.#services.get(name)?.tail() ?? "";
  }

  async #enrolOne(name: HostName): Promise<void> {
    const file = `${CONTROLLER_DATA}-${name}-${this.#tokens}.token`;
    this.#tokens += 1;
    await this.#operator.type("token", "create", "--name", name, "-o", file);
    const token = await this.#lab.host("controller").must(["cat", file]);
    this.#lab.host(name).writeFile(TOKEN, token, 0o600);
    this.#start(name, { args: ["--token-file", TOKEN] });
  }

  #start(name: HostName, { args: more = [], environment = {} }: AgentExtra): void {
    const host: LabHost = this.#lab.host(name);
    const labels = Object.entries(host.spec.labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]);
    const args = ["agent", "run", "--state", STATE, "--pin", PIN, "--cgroup", host.cgroup, "--name", name];
    const program = ringwall("ringwall-agent.service", [...args, ...labels, ...more]);
    const all = { ...program.environment, ...environment };
    this.#services.set(name, host.start({ ...program, environment: all }));
  }

  #refuseEnded(): void {
    for (const [name, agent] of this.#services) {
      if (agent.ended !== null) throw new Error(`the agent on ${name} ended:\n${agent.tail()}`);
    }
  }

  #describe(workloads: readonly WorkloadView[]): string {
    const lines = workloads.map(({ name, agent }) => `${name} ${JSON.stringify(agent)}`);
    const output = managedHosts.map((name) => `── ${name}\n${this.tail(name)}`);
    return [...lines, ...output].join("\n");
  }
}

function isSettled({ agent }: WorkloadView): boolean {
  if (agent === null) return false;
  // Before the first status report nothing is known of the kernel programs.
  if (agent.capability === "none") return false;
  return agent.connected && agent.problem === "" && agent.generation === agent.generationWanted;
}
