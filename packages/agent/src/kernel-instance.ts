import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { agentError } from "./agent-error.ts";
import { endsWithAgent } from "./end.ts";
import type { Kernel } from "./kernel/contract.ts";
import { openKernel } from "./kernel/kernel.ts";
import { KernelError } from "./kernel/kernel-error.ts";

/** Milliseconds that loading and verifying the programs may take on a slow machine. */
const LOADER_TIMEOUT_MS = 180_000;
const run = promisify(execFile);
const build = fileURLToPath(new URL("../build/", import.meta.url));

/** Where the programs are attached besides the cgroup. */
export type Devices = {
  /** Else this process's network namespace. */
  readonly netns?: string | undefined;
  /** Also the programs that prove software behind datagrams. */
  readonly proveDatagrams?: boolean | undefined;
  /** An optional program to do without, as on a kernel that does not take it. */
  readonly without?: string | undefined;
};

/**
 * Loads and attaches the kernel programs, or keeps what is pinned already; enforcement has no gap. Returns what is less
 * than was asked for, or could not be taken over from other programs, in words.
 */
export async function loadPrograms(
  pinDir: string,
  cgroup: string,
  devices: Devices = {},
): Promise<readonly string[]> {
  const object = `${build}ringwall.bpf.o`;
  const places = ["--object", object, "--pin", pinDir, "--cgroup", cgroup];
  const { stderr } = await runLoader(["load", ...places, ...at(devices), ...doing(devices)]);
  return cleaned(stderr).split("\n").filter(Boolean);
}

function doing({ without }: Devices): string[] {
  return without === undefined ? [] : ["--without", without];
}

/** Attaches to network devices that came since the programs were loaded. */
export async function attachDevices(pinDir: string, devices: Devices = {}): Promise<void> {
  await runLoader(["devices", "--pin", pinDir, ...at(devices)]);
}

function at({ netns, proveDatagrams }: Devices): string[] {
  return [...inside(netns), ...(proveDatagrams === true ? ["--prove-datagrams"] : [])];
}

function inside(netns: string | undefined): string[] {
  return netns === undefined ? [] : ["--netns", netns];
}

/** Takes over connections that are older than the programs: whose socket is which, `INODE TGID` a line. */
export async function adoptConnections(pinDir: string, netns: string, owners: string): Promise<number> {
  return Number((await runLoader(["adopt", "--pin", pinDir, "--netns", netns], owners)).stdout);
}

/** Has TCP listeners that are older than the programs prove themselves, where the kernel can; their ports. */
export async function proveListeners(pinDir: string, netns?: string): Promise<ReadonlySet<number>> {
  const { stdout } = await runLoader(["listeners", "--pin", pinDir, ...inside(netns)]);
  return new Set(stdout.split("\n").filter(Boolean).map(Number));
}

/** Ends TCP connections of a network namespace that the policy in force denies; returns how many. */
export async function cutConnections(pinDir: string, netns?: string): Promise<number> {
  return Number((await runLoader(["cut", "--pin", pinDir, ...inside(netns)])).stdout);
}

/** Detaches the programs and removes all that is pinned. */
export async function unloadPrograms(pinDir: string): Promise<void> {
  await runLoader(["unload", "--pin", pinDir]);
}

/** The pinned maps; AgentError where there are none, or no right to them. */
export function openPinned(pinDir: string): Kernel {
  try {
    return openKernel(pinDir);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw agentError(
      "not-pinned",
      `no kernel programs can be opened below \`${pinDir}\`: ${error.message}`,
      "run as root; `ringwall agent run` loads them",
      error,
    );
  }
}

/** What the loader's commands do, for messages. */
const DONE: Readonly<Record<string, string>> = {
  load: "loaded",
  devices: "attached to all network devices",
  cut: "run on the open connections",
  adopt: "run on the older connections",
  listeners: "run on the older listeners",
  unload: "removed",
};

/** What the loader says, without its name before each line. */
function cleaned(said: string): string {
  return said.trim().replace(/^ringwall-bpf: /gm, "");
}

async function runLoader(
  args: readonly string[],
  input = "",
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const loader = `${build}ringwall-bpf`;
  await access(loader).catch((error: unknown) => {
    throw agentError(
      "agent-not-built",
      `\`${loader}\` is missing`,
      "run `make build` in the checkout",
      error,
    );
  });
  try {
    const running = run(loader, args, { timeout: LOADER_TIMEOUT_MS, ...endsWithAgent });
    // One that fails early does not read.
    running.child.stdin?.on("error", () => undefined).end(input);
    return await running;
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? cleaned(String(error.stderr)) : "";
    throw agentError(
      "kernel-programs",
      `the kernel programs can't be ${DONE[args[0] ?? ""] ?? "run"}: ${said || String(error)}`,
      process.getuid?.() === 0 ? "see `ringwall agent status` for what this kernel lacks" : "run as root",
      error,
    );
  }
}
