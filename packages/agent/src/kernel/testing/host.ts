/**
 * A host for tests: a network namespace, a cgroup below the machine's and an instance of the kernel programs on it,
 * with the smallest agent that can answer: a process says in its environment which identity it has (RW_IDENTITY=7).
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { injectingEnvironment } from "../../identify/injecting-environment.ts";
import type { ExecEvent, FlowRecord, Kernel, KernelEvent, SlotContents } from "../contract.ts";
import { openKernel } from "../kernel.ts";
import { KernelMap, room, u32 } from "../kernel-map.ts";
import { cgroupRoot, LOADER_PATH, OBJECT_PATH, SLOWNESS } from "./requirements.ts";

const BEAT_MS = 500;
/** Without what would make each execution one that the agent is asked about, wherever the tests are run. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => injectingEnvironment([`${name}=x`], undefined).length === 0),
);
/** Ends what hangs. */
const RUN_MS_MAX = 100_000 * SLOWNESS;
/** Arguments: the cgroup, the namespace, the identity, the command. */
const ENTER = [
  'cgroup=$0 netns=$1 identity=$2; echo $$ > "$cgroup/cgroup.procs"',
  'shift 2; exec nsenter --net="/run/netns/$netns" env "RW_IDENTITY=$identity" "$@"',
].join(" && ");

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** The next line it prints. */
  readonly line: () => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** Where a program runs: a control group and a network namespace, by its name in /run/netns. */
export interface Place {
  readonly cgroup: string;
  readonly name: string;
}

/** The inodes of its open sockets. */
function socketsOf(tgid: number): string[] {
  return readdirSync(`/proc/${tgid}/fd`).flatMap(
    (fd) => /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${tgid}/fd/${fd}`))?.slice(1) ?? [],
  );
}

export class TestHost {
  readonly name: string;
  readonly cgroup: string;
  readonly folder: string;
  readonly pin: string;
  readonly events: KernelEvent[] = [];
  /** Whether the agent says at once what a program is; else the test calls `answerAll`, or nobody does. */
  answers = true;
  kernel: Kernel;
  #running = new Set<Running>();
  /** By process: programs wait for a line until the agent has seen what they are. */
  #waiting = new Map<number, { readonly filename: string; readonly go: () => void }>();
  #generation = 0n;
  #beat: NodeJS.Timeout | undefined;
  #stream: { close: () => void };

  constructor(label: string) {
    const root = cgroupRoot();
    if (root === undefined) throw new Error("cgroup v2 is not mounted");
    this.name = `rw${label}${randomBytes(3).toString("hex")}`;
    this.cgroup = `${root}/${this.name}`;
    this.folder = mkdtempSync(`${tmpdir()}/ringwall-kernel-`);
    this.pin = `${this.folder}/bpf/host`;
    mkdirSync(this.cgroup);
    execFileSync("ip", ["netns", "add", this.name]);
    this.ip("link", "set", "lo", "up");
    this.load();
    this.kernel = openKernel(this.pin);
    this.#stream = this.#listen();
    this.startBeating();
  }

  load(object = OBJECT_PATH, ...more: readonly string[]): void {
    const netns = `/run/netns/${this.name}`;
    execFileSync(LOADER_PATH, [
      "load",
      "--object",
      object,
      "--pin",
      this.pin,
      "--cgroup",
      this.cgroup,
      "--netns",
      netns,
      ...more,
    ]);
  }

  /** Devices that came since the programs were loaded. */
  attachDevices(...more: readonly string[]): void {
    this.attachDevicesIn(this.name, ...more);
  }

  /** The same in another network namespace: a container's. */
  attachDevicesIn(netns: string, ...more: readonly string[]): void {
    execFileSync(LOADER_PATH, ["devices", "--pin", this.pin, "--netns", `/run/netns/${netns}`, ...more]);
  }

  /** Ends open connections that the revision in force denies; returns how many. */
  cut(): number {
    const said = execFileSync(LOADER_PATH, ["cut", "--pin", this.pin, "--netns", `/run/netns/${this.name}`]);
    return Number(said.toString());
  }

  /** Takes over connections of a process that are older than the programs; returns how many. */
  adopt(tgid: number, inodes: readonly (string | number)[] = socketsOf(tgid)): number {
    const input = inodes.map((inode) => `${inode} ${tgid}\n`).join("");
    const args = ["adopt", "--pin", this.pin, "--netns", `/run/netns/${this.name}`];
    return Number(execFileSync(LOADER_PATH, args, { input }).toString());
  }

  /** Whether the kernel took an optional program. */
  has(program: string): boolean {
    return this.kernel.capabilities().optional.some(({ name, loaded }) => name === program && loaded);
  }

  /** What connect() fails with when it is refused here: ECONNREFUSED where the kernel lets a program choose. */
  get refusal(): number {
    return this.kernel.capabilities().refuseWithReset ? constants.errno.ECONNREFUSED : constants.errno.EPERM;
  }

  ip(...args: string[]): void {
    execFileSync("ip", ["-n", this.name, ...args]);
  }

  /** How many TCP segments, SYNs among them, were sent again in this namespace since it was made. */
  resentSegments(): number {
    const enter = [`--net=/run/netns/${this.name}`, "cat", "/proc/net/snmp"];
    const [names = "", values = ""] = execFileSync("nsenter", enter, { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.startsWith("Tcp: "));
    return Number(values.split(" ")[names.split(" ").indexOf("RetransSegs")]);
  }

  startBeating(): void {
    this.kernel.beat();
    this.#beat = setInterval(() => this.kernel.beat(), BEAT_MS);
  }

  stopBeating(): void {
    clearInterval(this.#beat);
  }

  /** The agent has been silent for long: as if it had never been there. */
  silence(): void {
    this.stopBeating();
    const map = KernelMap.openPinned(this.pin, "heartbeat");
    map.set(u32(0), room(8));
    map.close();
  }

  /** Puts a revision in force: the other slot is written, then it is switched to. */
  async provision(contents: Partial<SlotContents>, kernel = this.kernel): Promise<void> {
    const other = kernel.liveSlot() === 0 ? 1 : 0;
    await kernel.writeSlot(other, { ...EMPTY, generation: ++this.#generation, ...contents });
    kernel.switchSlot(other);
  }

  /** Runs to the end. `identity` is what the process says it is; 0: it says nothing. */
  async run(argv: readonly string[], identity = 0, place: Place = this): Promise<Finished> {
    const child = this.#spawn(argv, identity, place);
    const limit = setTimeout(() => child.kill("SIGKILL"), RUN_MS_MAX);
    const [stdout, stderr, code] = await Promise.all([
      readAll(child.stdout),
      readAll(child.stderr),
      new Promise<number | null>((resolve) => child.on("close", (value) => resolve(value))),
    ]);
    clearTimeout(limit);
    return { code, stdout, stderr };
  }

  /** Runs to the end and reads its JSON line. */
  async ask<Answer>(argv: readonly string[], identity = 0, place: Place = this): Promise<Answer> {
    const { stdout, stderr, code } = await this.run(argv, identity, place);
    if (code !== 0) throw new Error(`${argv[0]} exited with ${code}: ${stderr}`);
    // The programs of testing/programs.ts print what their comments say.
    return JSON.parse(stdout) as Answer;
  }

  /** Starts a server and waits until it says that it is ready. */
  async start(
    argv: readonly string[],
    identity = 0,
    isReady = (line: string): boolean => line === "ready",
    place: Place = this,
  ): Promise<Running> {
    const child = this.#spawn(argv, identity, place);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const running: Running = {
      child,
      line: async () => (await lines.next()).value ?? "",
      stop: async () => {
        this.#running.delete(running);
        if (child.exitCode !== null || child.signalCode !== null) return;
        const gone = new Promise((resolve) => child.on("exit", resolve));
        child.kill("SIGKILL");
        await gone;
      },
    };
    this.#running.add(running);
    const first = await running.line();
    if (!isReady(first))
      throw new Error(`${argv.at(-1)} did not start: ${first}${await readAll(child.stderr)}`);
    return running;
  }

  /** What was counted since the last call, after everything in flight has been closed. */
  async flows(): Promise<readonly FlowRecord[]> {
    await sleep(50 * SLOWNESS);
    return this.kernel.drainFlows();
  }

  /** Unloads the programs: this host has no firewall until `reload`. */
  unload(): void {
    this.stopBeating();
    this.#stream.close();
    this.kernel.close();
    execFileSync(LOADER_PATH, ["unload", "--pin", this.pin, "--netns", `/run/netns/${this.name}`]);
  }

  /** Restarts the agent's side: maps are opened again, as after a crash. */
  reopen(): void {
    this.#stream.close();
    this.kernel.close();
    this.#open();
  }

  /** Loads the programs again after `unload`. */
  reload(...more: readonly string[]): void {
    this.load(OBJECT_PATH, ...more);
    this.#open();
    this.startBeating();
  }

  #open(): void {
    this.kernel = openKernel(this.pin);
    this.#stream = this.#listen();
  }

  async close(): Promise<void> {
    for (const running of this.#running) await running.stop();
    this.unload();
    execFileSync("ip", ["netns", "delete", this.name]);
    await this.#killAll();
    rmdirSync(this.cgroup);
    if (existsSync(`${this.folder}/bpf`)) throw new Error(`${this.folder}/bpf is still there after unload`);
    rmdirSync(this.folder);
  }

  #spawn(argv: readonly string[], identity: number, { cgroup, name }: Place) {
    // A shell whose input is a socket, as pipes of Node.js are, takes itself for one of rsh's and reads ~/.bashrc.
    const child = spawn("bash", ["--norc", "-c", ENTER, cgroup, name, String(identity), ...argv], {
      stdio: ["pipe", "pipe", "pipe"],
      env: ENVIRONMENT,
    });
    // Programs that never read may be gone before they are told to go.
    child.stdin.on("error", () => {});
    if (child.pid !== undefined) {
      this.#waiting.set(child.pid, { filename: argv[0] ?? "", go: () => child.stdin.write("\n") });
    }
    return child;
  }

  #listen() {
    return this.kernel.onEvents((events) => {
      this.events.push(...events);
      for (const event of events) {
        if (event.type === "exec") this.#onExec(event);
      }
    });
  }

  #onExec(event: ExecEvent): void {
    if (this.answers) this.answer(event);
    const waiting = this.#waiting.get(event.tgid);
    if (waiting?.filename !== event.filename) return;
    this.#waiting.delete(event.tgid);
    waiting.go();
  }

  /** Also what its programs have forked. */
  async #killAll(): Promise<void> {
    for (let tries = 0; tries < 40; tries++) {
      const left = readFileSync(`${this.cgroup}/cgroup.procs`, "utf8").trim();
      if (left === "") return;
      for (const pid of left.split("\n")) {
        try {
          process.kill(Number(pid), "SIGKILL");
        } catch {
          // It has ended by itself.
        }
      }
      await sleep(25);
    }
  }

  /** Says what everything is that has run so far. */
  answerAll(): void {
    for (const event of this.events) if (event.type === "exec") this.answer(event);
  }

  answer(event: ExecEvent): void {
    const said = event.environment.find((entry) => entry.startsWith("RW_IDENTITY="));
    const identity = Number(said?.slice("RW_IDENTITY=".length) ?? 0);
    if (identity === 0) return;
    const { cgroupId } = event.task;
    this.kernel.setIdentity({ exeId: identity, scriptId: 0, uid: event.uid, cgroupId }, identity);
    this.kernel.setResolution(event.task, { exeId: identity, scriptId: 0, unattributable: false });
  }
}

const EMPTY: SlotContents = {
  generation: 0n,
  modeOut: "ungoverned",
  modeIn: "ungoverned",
  loopbackEnforce: false,
  failOpen: false,
  cutEstablished: false,
  policies: [],
  peers: [],
  subjects: [],
};

/** Joins two hosts by a wire: 10.77.0.1 and fd77::1 here, 10.77.0.2 and fd77::2 there. */
export function wire(a: TestHost, b: TestHost, ...attach: readonly string[]): void {
  execFileSync("ip", [
    "link",
    "add",
    "wire0",
    "netns",
    a.name,
    "type",
    "veth",
    "peer",
    "name",
    "wire0",
    "netns",
    b.name,
  ]);
  [a, b].forEach((host, i) => {
    host.ip("addr", "add", `10.77.0.${i + 1}/24`, "dev", "wire0");
    host.ip("addr", "add", `fd77::${i + 1}/64`, "dev", "wire0", "nodad");
    host.ip("link", "set", "wire0", "up");
    host.attachDevices(...attach);
  });
}

async function readAll(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = "";
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}
