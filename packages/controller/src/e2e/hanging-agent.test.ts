import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { enrollAgent, listen } from "../testing/test-agent.ts";
import { createTestToken, startTestController, type TestController } from "../testing/test-controller.ts";

const AGENT = fileURLToPath(new URL("../testing/run-agent.ts", import.meta.url));
/** Added to each look of the controller: less than what it would take for a time in which it stood still itself. */
const STEP_MS = 4_000;
const LOOK_MS = 5_000;

let controller: TestController;
let agent: ChildProcess;
beforeEach(async () => {
  controller = await startTestController();
  const argv = [AGENT, controller.agentsUrl, await createTestToken(controller)];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  agent = child;
  await once(child.stdout, "data");
});
afterEach(async () => {
  vi.useRealTimers();
  agent.kill("SIGKILL");
  await controller.remove();
});

it("a controller that ends does not wait for an agent that hangs", async () => {
  agent.kill("SIGSTOP");
  await controller.close();
  expect(agent.exitCode).toBe(null);
});

it("an agent that hangs is lost, though its kernel goes on acknowledging; one that reports is not", async () => {
  const token = await createTestToken(controller, { workload: "well" });
  const well = await enrollAgent(controller.agentsUrl, token, "well");
  const listening = listen(well.client, "well");
  agent.kill("SIGSTOP");
  // Only what asks for the time: connections and timers go on as ever.
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  const lost = async () => {
    vi.setSystemTime(Date.now() + STEP_MS);
    await well.client.reportStatus({ workload: "well" });
    const alerts = (await controller.client.GET("/api/v1/alerts")).data?.alerts ?? [];
    return alerts.filter(({ kind }) => kind === "agent-lost").map(({ workload }) => workload);
  };
  await expect.poll(lost, { interval: LOOK_MS, timeout: 90_000 }).toEqual(["hanging"]);
  const workloads = (await controller.client.GET("/api/v1/workloads")).data?.workloads ?? [];
  expect(Object.fromEntries(workloads.map(({ name, agent }) => [name, agent?.connected]))).toEqual({
    hanging: false,
    well: true,
  });
  expect((await controller.client.GET("/api/v1/status")).data?.agents.connected).toBe(1);
  listening.stop();
});
