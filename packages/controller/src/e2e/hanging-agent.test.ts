import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createTestToken, startTestController } from "../testing/test-controller.ts";

const AGENT = fileURLToPath(new URL("../testing/run-agent.ts", import.meta.url));

it("a controller that ends does not wait for an agent that hangs", async () => {
  const controller = await startTestController();
  const token = await createTestToken(controller);
  const agent = spawn(process.execPath, [AGENT, controller.agentsUrl, token], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(agent.stdout, "data");
    agent.kill("SIGSTOP");
    await controller.close();
    expect(agent.exitCode).toBe(null);
  } finally {
    agent.kill("SIGKILL");
    rmSync(controller.dataDir, { recursive: true, force: true });
  }
});
