import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostPolicy } from "@ringwall/policy/lower";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CARRIED_ADDRESSES_MAX } from "./kernel/carrying.ts";
import { KernelMap } from "./kernel/kernel-map.ts";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { observeListeners } from "./observe/listeners.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";
import { PROGRAMS } from "./testing/interpreter-programs.ts";
import { CONTAINER_PORT as PORT, TestContainer } from "./testing/test-container.ts";

const PYTHON = realpathSync("/usr/bin/python3");
const SERVE = `import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen(8)
print("ready", flush=True)
while True:
    c, _ = s.accept()
    c.close()
`;

describe.skipIf(whyNoKernelTests("containers.test.ts") !== undefined)("one agent with many workloads", () => {
  let host: AgentHost;
  const containers: TestContainer[] = [];
  const make = (address: string) => {
    const container = new TestContainer(host.cgroup, { address });
    containers.push(container);
    return container;
  };
  let one: TestContainer;
  let two: TestContainer;
  let app: string;
  let other: string;
  let servers: string;
  const nameOf = (container: TestContainer) => `web-1/${container.id.slice(0, 12)}`;
  const inodeOf = (folder: string) => statSync(folder, { bigint: true }).ino;
  let generation = 0n;

  async function until(what: () => boolean): Promise<void> {
    for (let i = 0; i < 3000 && !what(); i++) await sleep(20);
    if (!what()) throw new Error(`never came true: ${what}\n${host.log}`);
  }
  const listening = (name: string) => host.controller.subscriptions.some(({ workload }) => workload === name);
  async function provision(workload: string, policy: Partial<HostPolicy>): Promise<void> {
    const wanted = ++generation;
    host.provision(wanted, hostPolicyOf({ ...policy, workload }));
    await until(() =>
      host.controller.statuses.some((status) => status.workload === workload && status.generation === wanted),
    );
  }

  beforeAll(async () => {
    host = await AgentHost.start();
    one = make("10.88.0.1/24");
    two = make("10.88.0.2/24");
    app = host.file("app.py", PROGRAMS.python);
    other = host.file("other.py", `${PROGRAMS.python}#`);
    // The agent writes to its own folder after the servers began: what lies below might have been moved there.
    servers = mkdtempSync(`${tmpdir()}/ringwall-servers-`);
    const server = `${servers}/serve.py`;
    writeFileSync(server, SERVE);
    await sleep(30);
    // The same port in both: only the network namespace tells them apart.
    for (const container of [one, two]) await container.listen([PYTHON, server, PORT]);
    expect(await host.startAgent({ containers: true })).toEqual("ready");
    await until(() => [one, two].every((container) => listening(nameOf(container))));
  });
  afterAll(async () => {
    for (const container of containers) await container.close();
    await host.close();
    rmSync(servers, { recursive: true });
  });

  test("each is enrolled by its host, with its own addresses and labels", async () => {
    await until(() => host.controller.statuses.some(({ workload }) => workload === nameOf(two)));
    expect(host.controller.carried.find(({ workload }) => workload === nameOf(one))).toMatchObject({
      labels: { carrier: "web-1", container: one.id.slice(0, 12) },
      addresses: ["10.88.0.1"],
    });
    const status = host.controller.statuses.find(({ workload }) => workload === nameOf(two));
    expect(status?.addresses).toEqual(["10.88.0.2"]);
  });

  test("each is judged by its own policy and modes, and the host by its own", async () => {
    const allowed = { executable: { sha256: sha256Of(PYTHON) }, script: { sha256: sha256Of(app) } };
    await provision(nameOf(one), allowSoftware("app", allowed));
    expect(await Promise.all([one.run([PYTHON, app]), one.run([PYTHON, other])])).toEqual([
      "connected",
      "refused",
    ]);
    expect(await Promise.all([two.run([PYTHON, app]), two.run([PYTHON, other])])).toEqual([
      "connected",
      "connected",
    ]);
    await provision(nameOf(two), {});
    expect(await two.run([PYTHON, app])).toBe("refused");
    expect(await one.run([PYTHON, app])).toBe("connected");
    const outside = await host.run([PYTHON, other], { RW_PORT: String(host.port) });
    expect(outside.output.trim()).toBe("connected");
  });

  test("listeners of one port in two containers are told apart, also those older than the agent", async () => {
    const inbound: Partial<HostPolicy> = {
      modes: { inbound: "block", outbound: "observe", processes: null },
    };
    const { rules, ...named } = allowSoftware("server", {
      script: { sha256: sha256Of(`${servers}/serve.py`) },
    });
    const rule = rules?.[0];
    if (rule === undefined) throw new Error("no rule");
    await provision(nameOf(one), { ...inbound, ...named, rules: [{ ...rule, direction: "inbound" }] });
    await provision(nameOf(two), inbound);
    expect(await one.run([PYTHON, other])).toBe("connected");
    expect(await two.run([PYTHON, other])).toBe("refused");
  });

  test("what the kernel can't tell apart by port is nobody's", async () => {
    const tasks = [one, two].flatMap(({ cgroup }) =>
      readFileSync(`${cgroup}/cgroup.procs`, "utf8").trim().split("\n").map(Number),
    );
    const found = (await observeListeners(tasks)).filter(({ port }) => port === Number(PORT));
    expect(found.map(({ ambiguous }) => ambiguous)).toEqual([true, true]);
    const alone = (await observeListeners(tasks.slice(0, 1))).filter(({ port }) => port === Number(PORT));
    expect(alone.map(({ ambiguous }) => ambiguous)).toEqual([false]);
  });

  test("reports go under the container's name and not under the host's too", async () => {
    const flowsOf = (name: string) =>
      host.controller.flows.filter(({ workload }) => workload === name).flatMap(({ processes }) => processes);
    await until(() => flowsOf(nameOf(one)).some(({ script }) => script === app));
    expect(flowsOf(nameOf(one)).every(({ container }) => container === one.id)).toBe(true);
    expect(flowsOf("web-1").some(({ container }) => container === one.id && container !== "")).toBe(false);
  });

  test("one with thousands of addresses is told so, and takes no room from the others", async () => {
    const greedy = new TestContainer(host.cgroup, { address: "10.90.0.1/16" });
    const late = new TestContainer(host.cgroup, { address: "10.88.0.3/24" });
    try {
      const batch = Array.from(
        { length: 4200 },
        (_, i) => `addr add 10.90.${1 + (i >> 8)}.${i & 255}/16 dev eth0`,
      );
      execFileSync("ip", ["-n", greedy.netns ?? "", "-batch", "-"], { input: batch.join("\n") });
      greedy.start(["sleep", "3600"]);
      const statusOf = (one: TestContainer) =>
        host.controller.statuses.findLast(({ workload }) => workload === nameOf(one));
      await until(() => statusOf(greedy) !== undefined);
      late.start(["sleep", "3600"]);
      await until(() => statusOf(late)?.addresses.length === 1);
      expect(statusOf(late)).toMatchObject({ addresses: ["10.88.0.3"], problem: "" });
      expect(statusOf(greedy)?.addresses).toHaveLength(CARRIED_ADDRESSES_MAX);
      expect(statusOf(greedy)?.problem).toContain(`\`${greedy.id}\` has 4201 addresses`);
      await until(() => host.log.includes(`\`${greedy.id}\` has 4201 addresses`));
      const map = KernelMap.openPinned(host.pinDir, "carried_addresses");
      const holders = Map.groupBy(map.keys(), (key) => map.get(key)?.getBigUint64(0, true) ?? 0n);
      map.close();
      expect([greedy, late].map(({ cgroup }) => holders.get(inodeOf(cgroup))?.length)).toEqual([
        CARRIED_ADDRESSES_MAX,
        1,
      ]);
    } finally {
      await greedy.close();
      await late.close();
    }
  });

  test("a device that a container gets anew, with the address that it had, has the programs", async () => {
    const netns = two.netns ?? "";
    const isAttached = () => {
      const index = execFileSync("ip", ["-n", netns, "-o", "link", "show", "dev", "eth0"])
        .toString()
        .split(":")[0];
      const filters = execFileSync("tc", [
        "-n",
        netns,
        "filter",
        "show",
        "dev",
        "eth0",
        "ingress",
      ]).toString();
      const links = existsSync(`${host.pinDir}/devices`) ? readdirSync(`${host.pinDir}/devices`) : [];
      const { ino } = statSync(`/run/netns/${netns}`);
      return links.includes(`${index}-${ino}`) || filters.includes("judge_at_device");
    };
    await until(isAttached);
    for (const words of [
      "link delete eth0",
      "link add eth0 type veth peer name far0",
      "addr add 10.88.0.2/24 dev eth0",
      "link set eth0 up",
    ])
      execFileSync("ip", ["-n", netns, ...words.split(" ")]);
    // It has another number.
    await until(isAttached);
  });

  test("nothing stays of a container that is gone", async () => {
    await containers.pop()?.close();

    await until(() => readdirSync(`${host.stateDir}/carried`).join() === one.id.slice(0, 16));
  });
});
