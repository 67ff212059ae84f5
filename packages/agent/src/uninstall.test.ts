/** `ringwall agent uninstall` after an agent that enforced all it can: nothing of it is left, and all passes as before. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { HostPolicy } from "@ringwall/policy/lower";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { APT_CONF_FOLDER, hookPlaces } from "./evidence/apt-hook.ts";
import { probeExecGate } from "./exec/probe-gate.ts";
import { KernelMap } from "./kernel/kernel-map.ts";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { ExecMount } from "./testing/exec-mount.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";
import { PROGRAMS } from "./testing/interpreter-programs.ts";
import { bpftool, objectsOf, stillThere } from "./testing/kernel-objects.ts";
import { CONTAINER_PORT, TestContainer } from "./testing/test-container.ts";
import { uninstallAgent } from "./uninstall.ts";

const PYTHON = realpathSync("/usr/bin/python3");
const NSENTER = realpathSync("/usr/bin/nsenter");
const RINGWALL = fileURLToPath(new URL("../../../bin/ringwall", import.meta.url));
const ADDRESS = "10.88.0.1";
/** Listens where the container's programs connect to. */
const SERVE = `import socket
s = socket.create_server(("127.0.0.1", ${CONTAINER_PORT}), backlog=16)
print("ready", flush=True)
while True: s.accept()[0].close()
`;
/** One connection that is used all the time until a file appears. */
const TALK = `import os, socket, sys, time
s = socket.create_connection(("127.0.0.1", int(os.environ["RW_PORT"])), 8)
while not os.path.exists(sys.argv[1]):
    s.sendall(b"x")
    if s.recv(10) != b"x": sys.exit("broken")
    time.sleep(0.02)
print("steady", flush=True)
`;
const whyNotAll = async () => {
  const why = whyNoKernelTests("uninstall.test.ts") ?? (await probeExecGate()).why;
  if (why !== "" || (existsSync("/usr/sbin/bpftool") && existsSync(APT_CONF_FOLDER))) return why;
  process.stderr.write("SKIPPED uninstall.test.ts: needs bpftool and apt\n");
  return "needs bpftool and apt";
};

type Devices = readonly { readonly tc: readonly unknown[] }[];
type Groups = readonly { readonly programs: readonly unknown[] }[];

describe.skipIf((await whyNotAll()) !== "")("an agent that is uninstalled", () => {
  let host: AgentHost;
  let mount: ExecMount;
  let container: TestContainer;
  let places: { readonly stateDir: string; readonly pinDir: string };
  let app: string;
  let other: string;
  let talk: string;
  let talking: Promise<string>;
  const echo = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
  let unlisted: string;
  let generation = 0n;
  const carriedName = () => `web-1/${container.id.slice(0, 12)}`;

  async function until(what: () => boolean): Promise<void> {
    for (let i = 0; i < 3000 && !what(); i++) await sleep(20);
    if (!what()) throw new Error(`never came true: ${what}\n${host.log}`);
  }
  async function provision(workload: string, policy: Partial<HostPolicy>): Promise<void> {
    const wanted = ++generation;
    host.provision(wanted, hostPolicyOf({ ...policy, workload }));
    await until(() =>
      host.controller.statuses.some((one) => one.workload === workload && one.generation === wanted),
    );
  }
  const onHost = async (program: string) =>
    (await host.run([PYTHON, program], { RW_PORT: String(host.port) })).output.trim();
  const inContainer = (program: string) => container.run([PYTHON, program]);
  const ringwall = (...argv: readonly string[]) =>
    spawnSync(RINGWALL, [...argv, "--state", places.stateDir], { encoding: "utf8" });
  const uninstall = () => ringwall("agent", "uninstall", "--pin", places.pinDir);
  /** What is attached to devices where a namespace is, and to the control groups below the agent's. */
  const attached = () => {
    const inside = [`--net=/run/netns/${container.netns}`, "bpftool", "-j", "net", "show"];
    const devices: Devices = JSON.parse(execFileSync("nsenter", inside, { encoding: "utf8" }));
    const groups = bpftool<Groups>("cgroup", "tree", host.cgroup);
    return {
      devices: devices.flatMap(({ tc }) => tc).length,
      groups: groups.flatMap(({ programs }) => programs).length,
    };
  };
  /** Processes that answer for executions on this test's file system. */
  const gates = () =>
    readdirSync("/proc").filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`ringwall-gate\0run\0`) &&
          readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(mount.path)
        );
      } catch {
        return false;
      }
    });

  beforeAll(async () => {
    host = await AgentHost.start();
    mount = new ExecMount();
    places = {
      stateDir: `${host.folder}/lib/ringwall/agent`,
      pinDir: `${host.folder}/run/ringwall/bpf/agent`,
    };
    mkdirSync(`${host.folder}/lib`);
    mkdirSync(`${host.folder}/run`);
    unlisted = mount.copy("/usr/bin/env", "unlisted");
    app = host.file("app.py", PROGRAMS.python);
    other = host.file("other.py", `${PROGRAMS.python}#`);
    container = new TestContainer(host.cgroup, { address: `${ADDRESS}/24` });
    host.controller.settings.provenAt = [ADDRESS];
    await sleep(30);
    talk = host.file("talk.py", TALK);
    await container.listen([PYTHON, host.file("serve.py", SERVE)]);
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  });
  afterAll(async () => {
    await host.stopAgent("SIGKILL");
    writeFileSync(`${host.folder}/enough`, "");
    await container.close();
    await talking;
    echo.close();
    await uninstallAgent(places);
    await host.close();
    mount.close();
  });

  test("has enforced: connections, a container's, executions, proofs, package hook", async () => {
    expect([await onHost(other), await inContainer(other)]).toEqual(["connected", "connected"]);
    const options = { containers: true, proof: true, proveDatagrams: true, execPaths: [mount.path] };
    expect(await host.startAgent({ ...options, ...places })).toBe("ready");
    expect(ringwall("agent", "package-hook", "install").status).toBe(0);
    expect(existsSync(hookPlaces(places.stateDir).conf)).toBe(true);
    const listens = (name: string) => host.controller.subscriptions.some(({ workload }) => workload === name);
    await until(() => listens("web-1") && listens(carriedName()));
    const scriptOf = (path: string) => ({ executable, script: { sha256: sha256Of(path) } });
    const executable = { sha256: sha256Of(PYTHON) };
    const { rules = [], processSelectors = [] } = allowSoftware("app", { executable });
    await provision("web-1", {
      rules,
      processSelectors,
      modes: { inbound: "observe", outbound: "block", processes: "block" },
      software: {
        app: [app, talk].map(scriptOf),
        idle: [scriptOf(other)],
        // Brings a program into the container's network, and is ended where it is found before it has done so.
        nsenter: [{ executable: { sha256: sha256Of(NSENTER) } }],
      },
      run: [{ name: "web/runs", software: ["app", "idle", "nsenter"] }],
    });
    await provision(carriedName(), {});
    expect([await onHost(app), await onHost(other), await inContainer(other)]).toEqual([
      "connected",
      "refused",
      "refused",
    ]);
    expect((await host.run([unlisted, "true"])).code).toBe(126);
    const port = String((echo.address() as AddressInfo).port);
    talking = host
      .run([PYTHON, talk, `${host.folder}/enough`], { RW_PORT: port })
      .then(({ output }) => output.trim());
    expect(gates()).toHaveLength(1);
    const peers = KernelMap.openPinned(places.pinDir, "proof_peers");
    expect(peers.isEmpty()).toBe(false);
    peers.close();
  });

  test("leaves no program, map, link, attachment, mount, file or process", async () => {
    const before = objectsOf(places.pinDir);
    expect(before.links.length).toBeGreaterThan(20);
    expect(before.maps.length).toBeGreaterThan(40);
    expect(attached().groups).toBeGreaterThan(10);
    expect(uninstall()).toMatchObject({ status: 2, stderr: expect.stringContaining("still runs") });
    await host.stopAgent("SIGKILL");
    expect(stillThere(before)).toEqual(before);

    expect(uninstall()).toMatchObject({ status: 0, stdout: expect.stringContaining("nothing is enforced") });
    const isGone = (kinds: ReturnType<typeof stillThere>) =>
      Object.values(kinds).every((ids) => ids.length === 0);
    // The kernel frees what nothing holds any more a moment later.
    for (let tries = 0; tries < 3000 && !isGone(stillThere(before)); tries++) await sleep(20);
    expect(stillThere(before)).toEqual({ links: [], programs: [], maps: [] });
    expect(attached()).toEqual({ devices: 0, groups: 0 });
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(host.folder);
    expect(readdirSync(`${host.folder}/lib`)).toEqual([]);
    expect(readdirSync(`${host.folder}/run`)).toEqual([]);
    expect(existsSync(hookPlaces(places.stateDir).conf)).toBe(false);
    await until(() => gates().length === 0);
    const groups = readdirSync(host.cgroup, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(groups.map(({ name }) => `${host.cgroup}/${name}`)).toEqual([container.cgroup]);
  });

  test("lets pass what passed before it came", async () => {
    expect([await onHost(other), await inContainer(other)]).toEqual(["connected", "connected"]);
    expect((await host.run([unlisted, "true"])).code).toBe(0);
    writeFileSync(`${host.folder}/enough`, "");
    expect(await talking).toBe("steady");
  });
});
