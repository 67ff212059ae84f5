// Agents whose greeting fails, or that go while they are greeted, are not taken for connected ever after.
import type pg from "pg";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type AgentClient, listen } from "../testing/test-agent.ts";
import {
  connectDatabase,
  enrollHost,
  startTestController,
  type TestController,
} from "../testing/test-controller.ts";

let controller: TestController;
let database: pg.Client;
beforeAll(async () => {
  controller = await startTestController();
  database = await connectDatabase(controller);
});
afterEach(() => database.query("ROLLBACK"));
afterAll(async () => {
  await database.end();
  await controller.remove();
});

async function enrolled(workload: string): Promise<AgentClient> {
  return (await enrollHost(controller, workload)).client;
}
const connected = async () => (await controller.client.GET("/api/v1/status")).data?.agents.connected;

it("an agent whose greeting failed is not connected", async () => {
  const client = await enrolled("failed");
  await database.query("ALTER TABLE shadow_runs RENAME TO shadow_runs_away");
  expect(await listen(client, "failed").ended).toMatchObject({
    message: expect.stringContaining("internal"),
  });
  await database.query("ALTER TABLE shadow_runs_away RENAME TO shadow_runs");
  expect(await connected()).toBe(0);
});

it("an agent that goes while it is greeted is not connected", async () => {
  const client = await enrolled("gone");
  await database.query("BEGIN");
  await database.query("LOCK TABLE shadow_runs IN ACCESS EXCLUSIVE MODE");
  const heard = listen(client, "gone");
  await expect.poll(connected).toBe(1);
  heard.stop();
  // Comes by the same connection, behind the end of the subscription.
  await client.reportStatus({ workload: "gone" });
  await database.query("COMMIT");
  await expect.poll(connected).toBe(0);
});
