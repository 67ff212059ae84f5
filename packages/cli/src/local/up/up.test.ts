import { existsSync } from "node:fs";
import { type Flow, flow } from "@ringwall/model";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { childRunning, createHost, serveHello, type TestHost, whyNoKernel } from "../../testing/host.ts";
import { type Cli, createCli, printed, type Running, until } from "../../testing/ringwall.ts";

const START_MS_MAX = 60_000;
const SEEN_MS_MAX = 30_000;
/** Each starts and ends databases and kernel programs, some twice, perhaps on a busy machine. */
const TEST_MS_MAX = 300_000;

const why = whyNoKernel();
if (why !== undefined) console.warn(`SKIPPED: ringwall up on a real kernel: ${why}`);

describe.skipIf(why !== undefined)("ringwall up", { timeout: TEST_MS_MAX }, () => {
  let host: TestHost;
  let cli: Cli;
  let running: Running | undefined;

  beforeEach(() => {
    host = createHost();
    cli = createCli(host.dataDir);
  });
  afterEach(async () => {
    running?.process.kill("SIGINT");
    await running?.ended;
    running = undefined;
    host.remove();
  });

  async function up(...more: string[]): Promise<RegExpExecArray> {
    const ports = ["--listen", "127.0.0.1:0", "--listen-agents", "127.0.0.1:0"];
    const places = ["--pin", host.pinDir, "--cgroup", host.cgroup, "--name", "test-host"];
    running = cli.start("up", ...ports, ...places, ...more);
    return printed(running, /(http:\/\/127\.0\.0\.1:\d+)\/sign-in\?token=\S+[\s\S]*get flows/, START_MS_MAX);
  }

  async function ctrlC(): Promise<void> {
    running?.process.kill("SIGINT");
    const ended = await running?.ended;
    running = undefined;
    expect(ended?.code, ended?.stderr).toBe(0);
  }

  async function seenFlows(port: number): Promise<Flow[]> {
    const flows = (await cli.ask("get", "flows")).map((value) => flow.parse(value));
    return flows.filter((one) => one.port === port);
  }

  it("sees this host's flows by software, leaves nothing after Ctrl-C, and finds its data again", async () => {
    const web = await serveHello();
    try {
      const [, consoleUrl] = await up();
      expect((await fetch(`${consoleUrl}/api/v1/status`)).status).toBe(401);
      const url = `http://127.0.0.1:${web.port}/`;
      const seen = await until("a flow of curl", SEEN_MS_MAX, async () => {
        expect(await host.run("curl", "-sS", "-o", "/dev/null", url)).toBe(0);
        return (await seenFlows(web.port)).find((one) => one.src.exe === "/usr/bin/curl");
      });
      // No rule speaks for it yet, and a host without a segment is in observe.
      expect(seen).toMatchObject({
        verdict: "would-block",
        src: {
          workload: "test-host",
          exe: "/usr/bin/curl",
          exeSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
      });
      await ctrlC();
      expect(host.leftovers()).toEqual([]);
      await up();
      // What came in with the agent's last report may be counted in it by now.
      const { time, proto, port, src } = seen;
      expect(await seenFlows(web.port)).toContainEqual(
        expect.objectContaining({
          time,
          proto,
          port,
          src: expect.objectContaining({ exeSha256: src.exeSha256 }),
        }),
      );
      await ctrlC();
      expect(host.leftovers()).toEqual([]);
    } finally {
      web.close();
    }
  });

  it("starts a killed agent again within a second or so, and ends as well after that", async () => {
    await up();
    const agentPid = () => childRunning(running?.process.pid ?? 0, " agent run ");
    const agentOf = async () => (await cli.ask("get", "workloads"))[0] as { agent: { connected: boolean } };
    expect((await agentOf()).agent.connected).toBe(true);
    const first = agentPid();
    expect(first).toBeGreaterThan(0);
    process.kill(first, "SIGKILL");
    await until("another agent", START_MS_MAX, () => {
      const now = agentPid();
      return now !== 0 && now !== first ? now : undefined;
    });
    await until("the agent connected again", START_MS_MAX, async () =>
      (await agentOf()).agent.connected ? true : undefined,
    );
    expect(running?.output().stderr).toContain("the agent ended (signal SIGKILL) and is started again");
    await ctrlC();
    expect(host.leftovers()).toEqual([]);
  });

  it("leaves nothing when Ctrl-C comes before the agent is ready", async () => {
    const ports = ["--listen", "127.0.0.1:0", "--listen-agents", "127.0.0.1:0"];
    running = cli.start("up", ...ports, "--pin", host.pinDir, "--cgroup", host.cgroup);
    await until("programs pinned", START_MS_MAX, () => (existsSync(host.pinDir) ? true : undefined));
    await ctrlC();
    expect(host.leftovers()).toEqual([]);
  });

  it("leaves nothing in the kernel when Ctrl-C is typed twice, and nothing running soon after", async () => {
    await up();
    // An agent that takes its time.
    const agent = childRunning(running?.process.pid ?? 0, " agent run ");
    expect(agent).toBeGreaterThan(0);
    process.kill(agent, "SIGSTOP");
    running?.process.kill("SIGINT");
    const asked = () => (running?.output().stderr.includes("ending …") ? true : undefined);
    await until("the first is heard", START_MS_MAX, asked);
    running?.process.kill("SIGINT");
    const ended = await running?.ended;
    running = undefined;
    expect(ended?.code).toBe(2);
    expect(ended?.stderr).toContain("the agent's programs are out of the kernel");
    expect(host.leftovers().filter((one) => !one.startsWith("process "))).toEqual([]);
    await until("nothing left", SEEN_MS_MAX, () => (host.leftovers().length === 0 ? true : undefined));
  });

  it("leaves no process behind when it is killed itself", async () => {
    await up();
    running?.process.kill("SIGKILL");
    await running?.ended;
    running = undefined;
    const processes = () => host.leftovers().filter((one) => one.startsWith("process "));
    await until("no process left", SEEN_MS_MAX, () => (processes().length === 0 ? true : undefined));
    const uninstall = async () => (await cli.type("agent", "uninstall", "--pin", host.pinDir)).code === 0;
    await until("the agent uninstalled", SEEN_MS_MAX, async () => ((await uninstall()) ? true : undefined));
    expect(host.leftovers()).toEqual([]);
  });
});
