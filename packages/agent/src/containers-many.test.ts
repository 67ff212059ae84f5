import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KernelMap } from "./kernel/kernel-map.ts";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, policyMessage, sha256Of } from "./testing/agent-host.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";
import { CONTAINER_PORT, TestContainer } from "./testing/test-container.ts";

const PYTHON = realpathSync("/usr/bin/python3");
const CONTAINERS = Number(process.env["RW_CONTAINERS"] ?? 60);
const HUB = "10.89.0.1";
const SERVE = `import socket
s = socket.create_server(("${HUB}", ${CONTAINER_PORT}), backlog=64)
print("ready", flush=True)
while True:
    c, _ = s.accept()
    c.close()
`;
const CONNECT = `import socket
try:
    socket.create_connection(("${HUB}", ${CONTAINER_PORT}), 8).close()
    print("connected")
except OSError:
    print("refused")
`;
const MB = 1024 * 1024;

/** Bytes that the agent has in memory, and that its maps and those in its maps of maps take. */
function memory(host: AgentHost) {
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${host.agent?.pid}/status`, "utf8"))?.[1];
  const inner = new Set<number>();
  for (const name of ["policies", "peers", "subjects", "remotes"]) {
    const outer = KernelMap.openPinned(host.pinDir, name);
    for (const key of outer.keys()) inner.add(outer.get(key)?.getUint32(0, true) ?? 0);
    outer.close();
  }
  const text = execFileSync("bpftool", ["-f", "map", "-j"], { encoding: "utf8", maxBuffer: 1 << 28 });
  const all: { id: number; bytes_memlock: number; pinned?: string[] }[] = JSON.parse(text);
  const ours = all.filter(
    ({ id, pinned = [] }) => inner.has(id) || pinned.some((path) => path.startsWith(`${host.pinDir}/`)),
  );
  return { agent: Number(rss) * 1024, maps: ours.reduce((sum, map) => sum + map.bytes_memlock, 0) };
}

describe.skipIf(whyNoKernelTests("containers-many.test.ts") !== undefined)(
  `${CONTAINERS} containers on one host`,
  () => {
    let host: AgentHost;
    let folder: string;
    let app: string;
    let before: ReturnType<typeof memory>;
    const hub = `rwhub${randomBytes(3).toString("hex")}`;
    const containers: TestContainer[] = [];
    let server: ReturnType<typeof spawn>;
    const nameOf = (container: TestContainer) => `web-1/${container.id.slice(0, 12)}`;
    /** Every third one may connect. */
    const mayConnect = (container: TestContainer) => containers.indexOf(container) % 3 === 0;

    /** What may connect has some tries: a busy machine may take longer to name a program than its SYN is held. */
    async function attempt(container: TestContainer): Promise<string> {
      for (let tries = mayConnect(container) ? 3 : 1; ; tries--) {
        const result = await container.run([PYTHON, app]);
        if (result === "connected" || tries === 1) return result;
      }
    }

    beforeAll(async () => {
      host = await AgentHost.start();
      folder = mkdtempSync(`${tmpdir()}/ringwall-many-`);
      app = `${folder}/app.py`;
      writeFileSync(app, CONNECT);
      writeFileSync(`${folder}/serve.py`, SERVE);
      execFileSync("ip", ["netns", "add", hub]);
      for (const words of [
        ["link", "add", "br0", "type", "bridge"],
        ["addr", "add", `${HUB}/16`, "dev", "br0"],
        ["link", "set", "br0", "up"],
      ])
        execFileSync("ip", ["-n", hub, ...words]);
      server = spawn("nsenter", [`--net=/run/netns/${hub}`, PYTHON, `${folder}/serve.py`], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await new Promise((resolve) => server.stdout?.once("data", resolve));
      const program = { executable: { sha256: sha256Of(PYTHON) }, script: { sha256: sha256Of(app) } };
      host.controller.settings.greet = (workload) => {
        const container = containers.find((one) => nameOf(one) === workload);
        if (container === undefined) return [];
        const parts = mayConnect(container) ? allowSoftware("app", program) : {};
        return [policyMessage(1n, hostPolicyOf({ ...parts, workload }))];
      };
      expect(await host.startAgent({ containers: true })).toBe("ready");
      await sleep(2000);
      before = memory(host);
      for (let i = 0; i < CONTAINERS; i++) {
        const address = `10.89.${1 + Math.floor(i / 250)}.${1 + (i % 250)}/16`;
        const container = new TestContainer(host.cgroup, { address, hub });
        containers.push(container);
        container.start(["sleep", "3600"]);
      }
    }, 300_000);
    afterAll(async () => {
      await Promise.all(containers.map((container) => container.close()));
      server?.kill("SIGKILL");
      await host.close();
      execFileSync("ip", ["netns", "delete", hub]);
      rmSync(folder, { recursive: true });
    }, 300_000);

    test("each has its own labels' verdict for the same executable, and together they cost little", async () => {
      const governed = () =>
        new Set(host.controller.statuses.filter((one) => one.generation === 1n).map((one) => one.workload));
      for (let i = 0; i < 4000 && governed().size < CONTAINERS; i++) await sleep(50);
      expect(governed().size).toBe(CONTAINERS);
      const after = memory(host);
      const each = (bytes: number) => `${(bytes / MB / CONTAINERS).toFixed(2)} MB`;
      const maps = `maps ${(before.maps / MB).toFixed(0)} MB and ${each(after.maps - before.maps)} each`;
      const agent = `agent ${(before.agent / MB).toFixed(0)} MB and ${each(after.agent - before.agent)} each`;
      console.log(`${CONTAINERS} containers: ${maps}, ${agent}`);
      // A whole set of maps for each would be 60 times that.
      expect((after.maps - before.maps) / CONTAINERS).toBeLessThan(2 * MB);
      for (let start = 0; start < CONTAINERS; start += 4) {
        const some = containers.slice(start, start + 4);
        const results = await Promise.all(some.map(attempt));
        expect(results).toEqual(some.map((container) => (mayConnect(container) ? "connected" : "refused")));
      }
      const flows = host.controller.flows;
      for (let i = 0; i < 1200 && new Set(flows.map(({ workload }) => workload)).size < CONTAINERS; i++)
        await sleep(50);
      const told = flows.filter(({ workload, processes }) => workload !== "web-1" && processes.length > 0);
      for (const { workload, processes } of told)
        for (const { container } of processes) expect(workload).toBe(`web-1/${container.slice(0, 12)}`);
      expect(new Set(told.map(({ workload }) => workload)).size).toBe(CONTAINERS);
    }, 300_000);
  },
);
