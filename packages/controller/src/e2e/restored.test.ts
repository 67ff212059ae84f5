// The database is put back from a backup while hosts went on: what they know that it does not.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type AgentClient, enrollAgent } from "../testing/test-agent.ts";
import { createTestToken, startTestController, type TestController } from "../testing/test-controller.ts";

let controller: TestController;
beforeEach(async () => {
  controller = await startTestController();
});
afterEach(() => controller.remove());

/** PostgreSQL is down while its files are copied, as for a cold backup. */
async function whileStopped(work: (database: string) => void): Promise<void> {
  await controller.close();
  work(path.join(controller.dataDir, "postgresql"));
  const listenAgents = new URL(controller.agentsUrl).host;
  controller = await startTestController({ dataDir: controller.dataDir, listenAgents });
}

const backUp = () => whileStopped((database) => execFileSync("cp", ["-a", database, `${database}.backup`]));
const putBack = () =>
  whileStopped((database) => {
    execFileSync("rm", ["-r", database]);
    execFileSync("mv", [`${database}.backup`, database]);
  });

async function enrolled(workload: string) {
  const token = await createTestToken(controller, { workload });
  return enrollAgent(controller.agentsUrl, token, workload);
}

const program = (exe: string) => ({ exe, exeSha256: "a".repeat(64), user: "root" });
async function numberOf(client: AgentClient, workload: string, exe: string): Promise<number> {
  const { numbers } = await client.numberIdentities({ workload, processes: [program(exe)] });
  return numbers[0] ?? 0;
}

it("a number that was given out since the backup is never given to other software", async () => {
  const { client } = await enrolled("web-1");
  const kept = await numberOf(client, "web-1", "/usr/bin/kept");
  await backUp();
  const lost = await numberOf(client, "web-1", "/usr/bin/lost");
  await putBack();
  const other = await numberOf(client, "web-1", "/usr/bin/other");
  expect(await numberOf(client, "web-1", "/usr/bin/kept")).toBe(kept);
  expect(other).not.toBe(lost);
  const { identities, unassigned } = await client.fetchProof({
    workload: "web-1",
    version: 0n,
    numbers: [lost],
  });
  expect(unassigned).toEqual([lost]);
  // The newest first.
  expect(identities.map((one) => [one.number, one.process?.exe])).toEqual([
    [other, "/usr/bin/other"],
    [kept, "/usr/bin/kept"],
  ]);
});

it("an agent that heard of what the backup lacks is told everything anew", async () => {
  const { client } = await enrolled("web-1");
  await backUp();
  await client.offerProofKey({
    workload: "web-1",
    keys: [{ generation: 1, publicKey: new Uint8Array(randomBytes(32)) }],
  });
  const { version } = await client.fetchProof({ workload: "web-1", version: 0n });
  await putBack();
  await numberOf(client, "web-1", "/usr/bin/a");
  await numberOf(client, "web-1", "/usr/bin/b");
  const after = await client.fetchProof({ workload: "web-1", version });
  expect([after.complete, after.version > version]).toEqual([true, true]);
});
