import { realpathSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostPolicy } from "@ringwall/policy/lower";
import { type Exec, type Tampering, Verdict } from "@ringwall/protocol/agent";
import { SLOWNESS } from "../kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "./agent-host.ts";
import { ExecMount } from "./exec-mount.ts";
import { hostPolicyOf } from "./host-policy.ts";

export const PYTHON = realpathSync("/usr/bin/python3");
const LOOK_MS = 20 * SLOWNESS;

/** An agent that governs executions; `listed` and Python with `script` may run. */
export class ExecHost {
  readonly host: AgentHost;
  readonly mount = new ExecMount();
  readonly listed: string;
  readonly unlisted: string;
  readonly script: string;
  #generation = 0n;

  private constructor(host: AgentHost) {
    this.host = host;
    this.listed = this.mount.copy("/bin/echo", "listed");
    this.unlisted = this.mount.copy("/usr/bin/env", "unlisted");
    this.script = host.file("app.py", "print('right script')");
    host.file("other.py", `import time; time.sleep(${SLOWNESS * 20})`);
  }

  static async start(): Promise<ExecHost> {
    const made = new ExecHost(await AgentHost.start());
    // Older than any process that runs the scripts by more than a clock tick.
    await sleep(30);
    await made.startAgent();
    return made;
  }

  async startAgent(): Promise<void> {
    const before = this.host.controller.statuses.length;
    const started = await this.host.startAgent({ execPaths: [this.mount.path] });
    if (started !== "ready") throw new Error(`the agent did not start: ${started.output}`);
    await this.until(() => this.host.controller.statuses.length > before);
  }

  async until(what: () => boolean | undefined, tries = 3000): Promise<void> {
    for (let i = 0; i < tries; i++) {
      if (what()) return;
      await sleep(LOOK_MS);
    }
    throw new Error(`never came true: ${what}\n${this.host.log}`);
  }

  async govern(
    processes: HostPolicy["modes"]["processes"],
    fail: HostPolicy["fail"] = "static",
  ): Promise<void> {
    const { host } = this;
    const generation = ++this.#generation;
    host.provision(
      generation,
      hostPolicyOf({
        modes: { inbound: null, outbound: null, processes },
        fail,
        run: [{ name: "crm/what may run", software: ["echo", "app"] }],
        software: {
          echo: [{ executable: { path: this.listed } }],
          app: [{ executable: { sha256: sha256Of(PYTHON) }, script: { sha256: sha256Of(this.script) } }],
        },
      }),
    );
    await this.until(() => host.status?.generation === generation);
    host.controller.execs.length = 0;
  }

  /** The record of a denied execution. */
  record(exe: string): Promise<Exec> {
    const denied = (exec: Exec) => exec.process?.exe === exe && exec.verdict !== Verdict.UNSPECIFIED;
    return this.#find(() => this.host.controller.execs.flatMap((batch) => batch.execs).find(denied));
  }

  tampering(path: string): Promise<Tampering> {
    const tamperings = () => this.host.controller.execs.flatMap((batch) => batch.tamperings);
    return this.#find(() => tamperings().find((one) => one.path === path));
  }

  async #find<T>(what: () => T | undefined): Promise<T> {
    await this.until(() => what() !== undefined);
    const found = what();
    if (found === undefined) throw new Error("it was there");
    return found;
  }

  async close(): Promise<void> {
    await this.host.close();
    this.mount.close();
  }
}
