import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findCgroupMount } from "../local/cgroup-mount.ts";

const LOADER = join(import.meta.dirname, "../../../agent/build/ringwall-bpf");

/** Why kernel programs can't be tried here, or undefined where they can. */
export function whyNoKernel(): string | undefined {
  if (process.geteuid?.() !== 0) return "not root";
  return existsSync(LOADER) ? undefined : "packages/agent is not built";
}

/** A host of a test's own: folders, and a cgroup whose processes an agent may watch without disturbing anybody. */
export type TestHost = {
  readonly dataDir: string;
  readonly pinDir: string;
  readonly cgroup: string;
  /** Runs a program inside the cgroup. */
  readonly run: (command: string, ...args: string[]) => Promise<number | null>;
  /** What is still there of what a part leaves behind when it does not clean up. */
  readonly leftovers: () => string[];
  readonly remove: () => void;
};

export function createHost(): TestHost {
  const base = mkdtempSync(join(tmpdir(), "ringwall-up-"));
  const cgroup = join(findCgroupMount(), base.slice(base.lastIndexOf("/") + 1));
  mkdirSync(cgroup);
  const pinDir = join(base, "bpf/agent");
  const dataDir = join(base, "data");
  // The private PostgreSQL runs as a user of its own, who has to get into its folder.
  execFileSync("chmod", ["755", base]);
  return {
    dataDir,
    pinDir,
    cgroup,
    run: (command, ...args) => {
      const child = spawn("sh", ["-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', cgroup, command, ...args]);
      return new Promise((done) => child.once("exit", done));
    },
    leftovers: () => [
      ...processesNaming(base),
      ...(existsSync(pinDir) ? [`pins in ${pinDir}`] : []),
      ...(mountedBelow(base) ? [`a mount below ${base}`] : []),
      ...attachedPrograms(cgroup),
    ],
    remove: () => {
      rmdirSync(cgroup);
      if (mountedBelow(base)) execFileSync("umount", [dirname(pinDir)]);
      rmSync(base, { recursive: true, force: true });
    },
  };
}

function mountedBelow(base: string): boolean {
  return readFileSync("/proc/self/mountinfo", "utf8").includes(base);
}

/** Each process whose command line holds the text. */
export function processesNaming(text: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return words.includes(text) ? [`process ${pid}: ${words}`] : [];
    } catch {
      return [];
    }
  });
}

function attachedPrograms(cgroup: string): string[] {
  const text = execFileSync("bpftool", ["-j", "cgroup", "show", cgroup], { encoding: "utf8" }).trim();
  if (text === "") return [];
  return (JSON.parse(text) as { name: string }[]).map(({ name }) => `program ${name} on ${cgroup}`);
}

/** A small web server on loopback that a test's client talks to. */
export async function serveHello(): Promise<{ readonly port: number; readonly close: () => void }> {
  const server = createServer((_request, response) => response.end("hello\n"));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

/** The process number of a child whose command line holds those words; 0 where there is none. */
export function childRunning(parent: number, words: string): number {
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const [, ppid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const text = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      if (Number(ppid) === parent && text.includes(words)) return Number(pid);
    } catch {
      // Ended meanwhile.
    }
  }
  return 0;
}
