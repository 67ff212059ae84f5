import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The port that programs in a container connect to. */
export const CONTAINER_PORT = "8080";

/** A control group as an engine names it, with a network namespace of its own. */
export class TestContainer {
  readonly id = randomBytes(32).toString("hex");
  /** Undefined: it shares its host's. */
  readonly netns: string | undefined;
  readonly cgroup: string;
  private readonly children: ReturnType<typeof spawn>[] = [];

  /** Made below the host's control group; its namespace has the address, at a wire that leads nowhere or to `hub`. */
  constructor(
    scope: string,
    { address, hub, name }: { readonly address?: string; readonly hub?: string; readonly name?: string } = {},
  ) {
    this.cgroup = `${scope}/${name ?? `docker-${this.id}.scope`}`;
    if (address !== undefined) {
      this.netns = `rwct${randomBytes(3).toString("hex")}`;
      const far = hub === undefined ? ["name", "far0"] : ["name", this.netns, "netns", hub];
      execFileSync("ip", ["netns", "add", this.netns]);
      for (const words of [
        ["link", "set", "lo", "up"],
        ["link", "add", "eth0", "type", "veth", "peer", ...far],
        ["addr", "add", address, "dev", "eth0"],
        ["link", "set", "eth0", "up"],
      ])
        execFileSync("ip", ["-n", this.netns, ...words]);
      if (hub !== undefined)
        execFileSync("ip", ["-n", hub, "link", "set", this.netns, "master", "br0", "up"]);
    }
    mkdirSync(this.cgroup);
  }

  start(argv: readonly string[], environment: Record<string, string> = {}) {
    const within = this.netns === undefined ? [] : ["nsenter", `--net=/run/netns/${this.netns}`];
    const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
    const child = spawn("/bin/sh", ["-c", enter, this.cgroup, ...within, ...argv], {
      env: { PATH: "/usr/sbin:/usr/bin:/bin", ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.children.push(child);
    return child;
  }

  async run(argv: readonly string[], port = CONTAINER_PORT): Promise<string> {
    const child = this.start(argv, { RW_PORT: port });
    let output = "";
    child.stdout.on("data", (data) => {
      output += data;
    });
    await new Promise((resolve) => child.once("close", resolve));
    return output.trim();
  }

  async listen(argv: readonly string[]): Promise<void> {
    await new Promise((resolve) => this.start(argv).stdout.once("data", resolve));
  }

  async close(): Promise<void> {
    const left = this.children.filter((child) => child.exitCode === null && child.signalCode === null);
    const gone = left.map((child) => new Promise((resolve) => child.once("exit", resolve)));
    for (const child of left) child.kill("SIGKILL");
    await Promise.all(gone);
    if (existsSync(this.cgroup)) {
      for (let i = 0; i < 100 && readFileSync(`${this.cgroup}/cgroup.procs`, "utf8") !== ""; i++)
        await sleep(20);
      rmdirSync(this.cgroup);
    }
    if (this.netns !== undefined) execFileSync("ip", ["netns", "delete", this.netns]);
  }
}
