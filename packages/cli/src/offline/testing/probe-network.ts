import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Answer, Question } from "./probe.ts";

const PROBE = resolve(import.meta.dirname, "probe.ts");
const ASK_MS_MAX = 110_000;

/** Why this machine can't have hosts of its own; null where it can. */
export function networkObstacle(): string | null {
  if (process.getuid?.() !== 0) return "it needs root";
  if (!existsSync("/proc/sys/net/ipv6")) return "this kernel has no IPv6";
  for (const [tool, argument] of [
    ["nft", "--version"],
    ["ip", "-V"],
  ] as const)
    try {
      execFileSync(tool, [argument], { stdio: "ignore" });
    } catch {
      return `\`${tool}\` is not installed`;
    }
  try {
    execFileSync("unshare", ["--net", "true"], { stdio: "ignore" });
    return null;
  } catch {
    return "this kernel or container gives no network namespace";
  }
}

/** Hosts on one link, a network namespace each; `close` takes them all away. */
export class ProbeNetwork {
  readonly #prefix = `rwp${randomBytes(3).toString("hex")}`;
  readonly #servers: ChildProcess[] = [];
  readonly #namespaces: string[] = [];

  constructor() {
    this.#add("link");
    this.#ip("link", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0");
    this.#ip("link", "link", "set", "br0", "up");
  }

  /** Adds a host with these addresses (in prefix form), which answers on these ports. */
  async addHost(name: string, addresses: readonly string[], ports: readonly number[]): Promise<void> {
    const port = `p${this.#namespaces.length}`;
    const inside = this.#add(name);
    this.#ip("link", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", inside);
    this.#ip("link", "link", "set", port, "master", "br0", "up");
    this.#ip(name, "link", "set", "lo", "up");
    // An ICMP error says that a packet was refused: none may be left out because many were sent.
    const settings = [
      "ipv4.icmp_ratelimit=0",
      "ipv6.icmp.ratelimit=0",
      "ipv6.conf.all.accept_dad=0",
      "ipv6.conf.eth0.accept_dad=0",
    ];
    for (const one of settings) this.run(name, "sysctl", "-q", "-w", `net.${one}`);
    for (const address of addresses) this.#ip(name, "addr", "add", address, "dev", "eth0");
    this.#ip(name, "link", "set", "eth0", "up");
    const server = spawn(
      "ip",
      ["netns", "exec", inside, process.execPath, PROBE, "serve", ...ports.map(String)],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    this.#servers.push(server);
    const [first] = await Promise.race([once(server.stdout, "data"), once(server, "exit")]);
    if (String(first).trim() !== "ready") throw new Error(`the server on ${name} did not start: ${first}`);
  }

  /** Runs a command on a host to its end. */
  run(name: string, ...argv: readonly string[]): string {
    return execFileSync("ip", ["netns", "exec", this.#named(name), ...argv], {
      encoding: "utf8",
      timeout: ASK_MS_MAX,
    });
  }

  /** What programs on a host get for each question. */
  ask(name: string, questions: readonly Question[]): readonly Answer[] {
    const answers: Answer[] = JSON.parse(
      this.run(name, process.execPath, PROBE, "ask", JSON.stringify(questions)),
    );
    return answers;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      if (server.exitCode !== null || server.signalCode !== null) continue;
      server.kill("SIGKILL");
      await once(server, "exit");
    }
    for (const one of this.#namespaces) execFileSync("ip", ["netns", "del", one]);
  }

  #named(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  #add(name: string): string {
    const inside = this.#named(name);
    execFileSync("ip", ["netns", "add", inside]);
    this.#namespaces.push(inside);
    return inside;
  }

  #ip(name: string, ...args: readonly string[]): void {
    execFileSync("ip", ["-n", this.#named(name), ...args]);
  }
}
