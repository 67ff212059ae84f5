import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../fleet/random.ts";
import { processesIn } from "../hosts/cgroup.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Operator } from "../ringwall/command.ts";
import { type RunningController, startController } from "../ringwall/controller.ts";
import { EDITIONS } from "./policy.ts";
import type { SoakAgent } from "./soak-agent.ts";

/** Where an edition stands on the controller's host. */
export const POLICY = (edition: string) => `/srv/policy/${edition}.yaml`;

/** Something that happens to a host's agent, or to the controller; over when its promise resolves. */
export type Happening = { readonly what: string; readonly happen: () => Promise<void> };

export function agentHappenings(agent: SoakAgent, random: Random): readonly Happening[] {
  const { name } = agent.host;
  const gap = () => sleep(random.int(0, 4000));
  return [
    {
      what: `${name}: kill -9 of the agent`,
      happen: async () => {
        await agent.stop("SIGKILL");
        await gap();
        await agent.start();
      },
    },
    {
      what: `${name}: restart of the agent`,
      happen: async () => {
        await agent.stop("SIGTERM");
        await agent.start();
      },
    },
    {
      what: `${name}: upgrade of agent and programs`,
      happen: async () => {
        await agent.replaceObject();
        await agent.stop(random.chance(0.5) ? "SIGTERM" : "SIGKILL");
        await agent.start();
      },
    },
    {
      what: `${name}: full disk, and a kill -9 meanwhile`,
      happen: async () => {
        agent.fillDisk();
        await sleep(random.int(1000, 6000));
        await agent.stop("SIGKILL");
        await agent.start();
        await sleep(random.int(1000, 4000));
        agent.freeDisk();
      },
    },
    {
      what: `${name}: the clock jumps ahead, and back`,
      happen: async () => {
        agent.setClock(random.int(30, 7200));
        await sleep(random.int(1000, 8000));
        if (random.chance(0.3)) {
          await agent.stop("SIGKILL");
          await agent.start();
        }
        agent.setClock(0);
        await sleep(500);
      },
    },
  ];
}

/** The controller's lane: these never overlap each other, only what happens to agents. */
export class ControllerHappenings {
  readonly #lab: Lab;
  readonly #random: Random;
  #controller: RunningController;
  #edition = 0;

  constructor(lab: Lab, controller: RunningController, random: Random) {
    this.#lab = lab;
    this.#controller = controller;
    this.#random = random;
  }

  all(): readonly Happening[] {
    return [
      { what: "controller: another revision", happen: () => this.#revise() },
      { what: "controller: another revision", happen: () => this.#revise() },
      { what: "controller: away", happen: () => this.#away() },
      { what: "controller: its databases hang", happen: () => this.#hang() },
    ];
  }

  /** Puts an edition of the policy in force, and keeps it. */
  static async provision(operator: Operator, edition: (typeof EDITIONS)[number]): Promise<void> {
    await operator.type("apply", POLICY(edition));
    await operator.type("provision", "--note", edition);
    await operator.type("confirm");
  }

  async #revise(): Promise<void> {
    this.#edition = (this.#edition + 1) % EDITIONS.length;
    await ControllerHappenings.provision(this.#controller.operator, EDITIONS[this.#edition] ?? "plain");
  }

  async #away(): Promise<void> {
    await this.#controller.service.stop(this.#random.chance(0.5) ? "SIGKILL" : "SIGTERM", 20_000);
    await sleep(this.#random.int(1000, 15_000));
    this.#controller = await startController(this.#lab);
  }

  /** PostgreSQL and chDB stand still for some seconds. */
  async #hang(): Promise<void> {
    const cgroup = path.join(this.#lab.host("controller").cgroup, "system.slice/ringwall-controller.service");
    const databases = processesIn(cgroup).filter(isDatabase);
    for (const pid of databases) signal(pid, "SIGSTOP");
    await sleep(this.#random.int(500, 5000));
    for (const pid of databases) signal(pid, "SIGCONT");
  }
}

function isDatabase(pid: number): boolean {
  try {
    return /postgres|chdb-child/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
  } catch {
    return false;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // One of PostgreSQL's own processes ended in between.
  }
}
