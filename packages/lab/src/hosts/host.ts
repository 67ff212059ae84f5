import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { HostName, HostSpec } from "../topology.ts";
import { makeCgroup } from "./cgroup.ts";
import { type Ended, runToEnd, Service } from "./process.ts";

/** What the kernel needs to know to start a program on a host. */
export type Program = {
  /** systemd's name for what it belongs to; the last part of the program's cgroup. */
  readonly unit: string;
  /** Default `root`. */
  readonly user?: string;
  readonly argv: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** On the host, and in a control group that its agent does not see: what it can't reach. */
  readonly outside?: boolean;
};

/** A time no command of the lab should need. */
const COMMAND_MS_MAX = 30_000;

/**
 * One machine of the lab: a network, mount, IPC and UTS namespace held open by a sleeping process, and a cgroup2 subtree.
 * `/srv`, `/run` and `/dev/shm` are its own; everything else of the file system is the machine's, read as it is.
 */
export class LabHost {
  readonly spec: HostSpec;
  /** What its agent is attached to. */
  readonly cgroup: string;
  readonly #holder: Service;
  #closed = false;

  constructor(spec: HostSpec, cgroup: string, holder: Service) {
    this.spec = spec;
    this.cgroup = cgroup;
    this.#holder = holder;
  }

  get name(): HostName {
    return this.spec.name;
  }

  /** How a person gets onto this host from a shell. */
  get entry(): readonly string[] {
    return ["nsenter", `--target=${this.#holder.pid}`, "--net", "--mount", "--ipc", "--uts", "--"];
  }

  /** Nothing can be started from now on, so that whatever still waits for an answer leaves nothing behind. */
  close(): void {
    this.#closed = true;
  }

  /** Starts a program that runs until the lab ends it. */
  start(program: Program): Service {
    return new Service(`${this.name}/${program.unit}`, this.#commandLine(program));
  }

  /** Runs a program to its end. */
  run(program: Program, timeoutMs = COMMAND_MS_MAX, input = ""): Promise<Ended> {
    return runToEnd(this.#commandLine(program), timeoutMs, input);
  }

  /** Runs a command as root that has to succeed, such as making a folder's owner right. */
  async must(argv: readonly string[], unit = "setup.service"): Promise<string> {
    const ended = await this.run({ unit, argv });
    if (ended.code !== 0) {
      throw new Error(`${argv.join(" ")} on ${this.name} ended with ${ended.code}: ${ended.stderr.trim()}`);
    }
    return ended.stdout;
  }

  /** The path by which the lab itself reaches a file of the host. */
  file(inside: string): string {
    return path.join(`/proc/${this.#holder.pid}/root`, inside);
  }

  writeFile(inside: string, text: string, mode = 0o644): void {
    const target = this.file(inside);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text, { mode });
  }

  copyIn(from: string, inside: string): void {
    const target = this.file(inside);
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(from, target);
  }

  /**
   * Namespaces first, then the cgroup, then the user, and exec each time: the last exec happens inside the host, and only
   * `setpriv` and the program itself are ever seen there.
   */
  #commandLine(program: Program): string[] {
    if (this.#closed) throw new Error(`${this.name} is being closed`);
    const above = program.outside === true ? `${this.cgroup}-outside` : this.cgroup;
    const cgroup = path.join(above, "system.slice", program.unit);
    if (!existsSync(cgroup)) makeCgroup(cgroup);
    const environment = Object.entries(program.environment ?? {}).map(([key, value]) => `${key}=${value}`);
    const enter = ['echo $$ >"$1/cgroup.procs" || exit 125; shift; exec "$@"', "enter", cgroup];
    const user = program.user ?? "root";
    const become = user === "root" ? [] : ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--init-groups"];
    return [...this.entry, "env", ...environment, "sh", "-c", ...enter, ...become, ...program.argv];
  }
}
