// A host was silent for longer than a certificate lives: whoever looks at the hosts is told what to do.
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { AGENT_CERTIFICATE_MS } from "../pki/authority.ts";
import { certificateRequest } from "../testing/test-agent.ts";
import {
  connectDatabase,
  enrollHost,
  startTestController,
  type TestController,
} from "../testing/test-controller.ts";

let controller: TestController;
beforeAll(async () => {
  controller = await startTestController();
});
afterAll(() => controller.remove());

async function problemOf(name: string): Promise<string | undefined> {
  const { data } = await controller.client.GET("/api/v1/workloads");
  return data?.workloads.find((one) => one.name === name)?.agent?.problem;
}

it("tells of a host whose certificate must have expired, and not of one that may come back, nor of a container", async () => {
  const enrolled = async (workload: string) => {
    const { client } = await enrollHost(controller, workload);
    await client.reportStatus({ workload });
    return client;
  };
  const host = await enrolled("gone");
  await enrolled("away");
  await enrolled("back");
  const { csr } = await certificateRequest();
  await host.enrollCarried({ csr, workload: "gone/web", version: "test" });
  const silent = { gone: 1000, "gone/web": 1000, away: -3_600_000, back: 1000 };
  const database = await connectDatabase(controller);
  const lastSeen = (more: number) => new Date(Date.now() - AGENT_CERTIFICATE_MS - more);
  for (const [name, more] of Object.entries(silent))
    await database.query("UPDATE workloads SET last_seen = $1 WHERE name = $2", [lastSeen(more), name]);
  await database.end();
  controller = await controller.restart();
  await enrolled("back");
  expect(await problemOf("gone")).toMatch(
    /^error\[certificate-expired\]: .* has expired.*\n {2}fix: .*`ringwall token create --name gone`.*`ringwall forget gone`$/,
  );
  expect([await problemOf("gone/web"), await problemOf("away"), await problemOf("back")]).toEqual([
    "",
    "",
    "",
  ]);
  const errors = readFileSync(path.join(import.meta.dirname, "../../../../docs/errors.md"), "utf8");
  expect(errors).toContain("### `certificate-expired`\n");
});
