/** Who may reach into a running program that the policy names: by ptrace, its memory and its descriptors. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Mode } from "@ringwall/model";
import type { HostPolicy } from "@ringwall/policy/lower";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { agentStatus } from "../index.ts";
import { SLOWNESS, whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "../testing/agent-host.ts";
import { PYTHON } from "../testing/exec-host.ts";
import { allowSoftware, hostPolicyOf } from "../testing/host-policy.ts";

const why = whyNoKernelTests("memory.test.ts") ?? "";
const GDB = "/usr/bin/gdb";
const STRACE = "/usr/bin/strace";
const WORDS = 3;

/**
 * `rest PORT`: connects, says its process, where its words are and a descriptor; for each line what its words hold.
 * `reach TRIES VALUE PROCESS WORDS DESCRIPTOR`: writes the value into a word by each way, and says how each ended: 0, or
 * what the kernel refused it with, TRIES times.
 */
const PROGRAM = `
import ctypes, json, os, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
class Piece(ctypes.Structure): _fields_ = [("at", ctypes.c_void_p), ("bytes", ctypes.c_size_t)]

def rest(port):
    words = (ctypes.c_long * ${WORDS})()
    connection = socket.create_connection(("127.0.0.1", int(port)))
    print(json.dumps([os.getpid(), ctypes.addressof(words), connection.fileno()]), flush=True)
    for _ in sys.stdin: print(json.dumps(list(words)), flush=True)

def call(result):
    if result < 0: raise OSError(ctypes.get_errno(), "refused")
    return result

def reach(tries, value, process, words, descriptor):
    mine = ctypes.c_long(value)
    def trace():
        call(libc.ptrace(16, process, None, None))
        os.waitpid(process, 0x40000000)
        call(libc.ptrace(5, process, words, value))
        call(libc.ptrace(17, process, None, None))
    def vm_write():
        here, there = Piece(ctypes.addressof(mine), 8), Piece(words + 8, 8)
        call(libc.process_vm_writev(process, ctypes.byref(here), 1, ctypes.byref(there), 1, 0))
    def memory_file():
        with open("/proc/%d/mem" % process, "r+b", buffering=0) as file: os.pwrite(file.fileno(), bytes(mine), words + 16)
    def take():
        os.close(call(libc.syscall(438, call(libc.syscall(434, process, 0)), descriptor, 0)))
    def look():
        with open("/proc/%d/environ" % process, "rb") as file: file.read()
    said = {}
    for way in trace, vm_write, memory_file, take, look:
        for left in reversed(range(tries)):
            try: way(); said[way.__name__] = "done"; break
            except PermissionError: said[way.__name__] = "refused"
            if left: time.sleep(0.1)
    print(json.dumps(said), flush=True)

if sys.argv[1] == "rest": rest(sys.argv[2])
else: reach(*map(int, sys.argv[2:]))
`;

const WRITES = ["trace", "vm_write", "memory_file", "take"];
const DONE = Object.fromEntries([...WRITES, "look"].map((way) => [way, "done"]));
const REFUSED = { ...Object.fromEntries(WRITES.map((way) => [way, "refused"])), look: "done" };

describe.skipIf(why !== "")("a running program that the policy names", () => {
  let host: AgentHost;
  let app: string;
  let other: string;
  let child: ChildProcess;
  let lines: Interface;
  let victim: { readonly pid: number; readonly words: number; readonly descriptor: number };
  let guarded: boolean;
  let generation = 0n;
  let value = 0;

  async function until(what: () => boolean): Promise<void> {
    while (!what()) await sleep(20);
  }

  const appEntry = () => ({
    executable: { sha256: sha256Of(PYTHON) },
    script: { sha256: sha256Of(app) },
  });

  /** `app` may connect; further software is in `software`, and what `run` names is watched, not refused. */
  async function govern(
    mode: Mode,
    software: HostPolicy["software"] = {},
    run: readonly string[] = [],
  ): Promise<void> {
    const named = allowSoftware("app", appEntry());
    host.provision(
      ++generation,
      hostPolicyOf({
        ...named,
        software: { ...named.software, ...software },
        modes: { inbound: null, outbound: mode, processes: run.length > 0 ? "alert" : null },
        run: run.length > 0 ? [{ name: "crm/what may run", software: [...run] }] : [],
      }),
    );
    await until(() => host.status?.generation === generation);
    host.controller.execs.length = 0;
  }

  const line = () => new Promise<string>((resolve) => lines.once("line", resolve));
  const words = async (): Promise<readonly number[]> => {
    const next = line();
    child.stdin?.write("\n");
    return JSON.parse(await next);
  };
  const reach = async (script: string, tries: number): Promise<Record<string, string>> => {
    const { pid, words: at, descriptor } = victim;
    const numbers = [tries, ++value, pid, at, descriptor].map(String);
    const { output } = await host.run([PYTHON, script, "reach", ...numbers]);
    return JSON.parse(output);
  };
  const told = async () => {
    const found = () => host.controller.execs.flatMap((batch) => batch.tamperings);
    await until(() => found().some(({ process }) => process?.script === other));
    return found().find(({ process }) => process?.script === other);
  };

  beforeAll(async () => {
    host = await AgentHost.start();
    app = host.file("app.py", PROGRAM);
    other = host.file("other.py", `${PROGRAM}# another one\n`);
    // Older than any process that runs them by more than a clock tick.
    await sleep(30);
    const started = await host.startAgent();
    if (started !== "ready") throw new Error(`the agent did not start: ${started.output}`);
    await until(() => host.status !== undefined);
    const features = (await agentStatus(host)).enforced?.capabilities.features ?? [];
    guarded = features.some(({ name, available }) => name === "guard-memory" && available);
    await govern("block");
    const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
    child = spawn("/bin/sh", ["-c", enter, host.cgroup, PYTHON, app, "rest", String(host.port)], {
      env: { PATH: "/usr/bin:/bin" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    lines = createInterface({ input: child.stdout ?? process.stdin });
    // What connects in block is known by then.
    const [pid = 0, at = 0, descriptor = 0] = JSON.parse(await line());
    victim = { pid, words: at, descriptor };
  });
  afterAll(async () => {
    child?.kill("SIGKILL");
    await host.close();
  });
  beforeEach(() => {
    host.controller.execs.length = 0;
  });

  test("a host says whether it is guarded, and what that means where it is not", () => {
    const { features } = JSON.parse(host.status?.capabilities ?? "{}");
    const guard = features.find((one: { name: string }) => one.name === "guard-memory");
    expect(guard.available).toBe(guarded);
    expect(guard.available || guard.why !== "").toBe(true);
  });

  test.for(["observe", "alert"] as const)("%s lets others in, and tells who", async (mode) => {
    await govern(mode);
    expect(await reach(other, 1)).toEqual(DONE);
    expect(await words()).toEqual([value, value, value]);
    if (guarded)
      expect(await told()).toMatchObject({
        path: PYTHON,
        sha256Before: sha256Of(PYTHON),
        refused: false,
        inMemory: true,
      });
  });

  test("block refuses all but a look to others, where the kernel asks", async () => {
    await govern("block");
    const before = await words();
    expect(await reach(other, 3)).toEqual(guarded ? REFUSED : DONE);
    expect(await words()).toEqual(guarded ? before : [value, value, value]);
    if (guarded) expect(await told()).toMatchObject({ path: PYTHON, refused: true, inMemory: true });
  });

  test("block lets the same software in", async () => {
    await govern("block");
    expect(await reach(app, 100)).toEqual(DONE);
    expect(await words()).toEqual([value, value, value]);
  });

  test("a program that no rule names may be reached into", async () => {
    await govern("block", { app: [{ executable: { path: "/none" } }] });
    expect(await reach(other, 100)).toEqual(DONE);
  });

  test("block refuses a debugger that no rule names", async ({ skip }) => {
    if (!guarded) return skip("this kernel does not ask");
    await govern("block");
    const before = await words();
    const { output } = await write(GDB, 7);
    expect(output).toMatch(/not permitted/);
    expect(await words()).toEqual(before);
  });

  test("block lets a debugger in that a `run` rule names", async () => {
    await govern("block", { gdb: [{ executable: { path: GDB } }] }, ["gdb"]);
    // The first time it may not be known yet.
    for (let tries = 0; tries < 10 && (await words())[0] !== 8; tries++) await write(GDB, 8);
    expect((await words())[0]).toBe(8);
  });

  test("block lets in what a rule names as the same software", async () => {
    await govern("block", { app: [appEntry(), { executable: { path: STRACE } }] });
    let output = "";
    for (let tries = 0; tries < 10 && !output.includes("attached"); tries++)
      ({ output } = await host.run([
        "/usr/bin/timeout",
        "-s",
        "INT",
        String(2 * SLOWNESS),
        STRACE,
        "-p",
        String(victim.pid),
      ]));
    expect(output).toContain("attached");
  });

  test("block goes on refusing when the agent is gone", async () => {
    await govern("block");
    await host.stopAgent("SIGKILL");
    expect(await reach(other, 1)).toEqual(guarded ? REFUSED : DONE);
  });

  function write(debuggers: string, what: number) {
    const command = `set {long}${victim.words} = ${what}`;
    const quick = ["-nx", "-batch", "-iex", "set auto-solib-add off", "-iex", "set debuginfod enabled off"];
    return host.run([debuggers, ...quick, "-p", String(victim.pid), "-ex", command]);
  }
});
