// The database is put back from a backup while hosts went on: what they know that it does not.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type AgentClient,
  agentClient,
  certificateRequest,
  enrollAgent,
  listen,
  pemOf,
} from "../testing/test-agent.ts";
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

describe("certificates", () => {
  const reports = (client: AgentClient, workload: string) =>
    client.reportStatus({ workload }).then(
      () => "taken",
      (error: unknown) => `${Code[ConnectError.from(error).code]}: ${ConnectError.from(error).rawMessage}`,
    );
  async function renewed({ client, identity }: Awaited<ReturnType<typeof enrolled>>): Promise<AgentClient> {
    const { csr, keyPem } = await certificateRequest();
    const { certificateChain } = await client.renew({ csr });
    const certificatePem = certificateChain.map(pemOf).join("");
    return agentClient(controller.agentsUrl, { ...identity, keyPem, certificatePem });
  }
  const forget = (name: string) =>
    controller.client.DELETE("/api/v1/workloads/{name}", { params: { path: { name } } });

  it("that were renewed since the backup are good, until their host enrols again or is forgotten", async () => {
    const first = await enrolled("web-1");
    const other = await enrolled("web-2");
    await backUp();
    const [web1, web2] = [await renewed(first), await renewed(other)];
    const late = await enrolled("late");
    await putBack();
    expect(await reports(web1, "web-1")).toBe("taken");
    expect(await reports(web2, "web-2")).toBe("taken");
    expect(await reports(late.client, "late")).toMatch(
      /^Unauthenticated: the controller knows no workload `late`.*backup.*`ringwall token create --name late`/,
    );
    const again = await enrolled("web-1");
    expect(await reports(web1, "web-1")).toMatch(/^Unauthenticated: .*was replaced/);
    expect(await reports(first.client, "web-1")).toMatch(/^Unauthenticated: .*was replaced/);
    const listening = listen(web2, "web-2");
    await listening.until(() => listening.policies.length > 0);
    await forget("web-2");
    await listening.ended;
    expect(await reports(web2, "web-2")).toMatch(
      /^Unauthenticated: the controller knows no workload `web-2`/,
    );
    await enrolled("web-2");
    controller = await controller.restart();
    for (const [client, workload] of [
      [web1, "web-1"],
      [first.client, "web-1"],
      [web2, "web-2"],
      [other.client, "web-2"],
    ] as const)
      expect(await reports(client, workload)).toMatch(/^Unauthenticated: .*was replaced/);
    expect(await reports(again.client, "web-1")).toBe("taken");
  });

  it.each([
    ["the clock was set back meanwhile", "UPDATE workloads SET enrolled_at = now() - interval '1 day'"],
    [
      "an older version kept none of a forgotten host",
      "DELETE FROM certificates WHERE revoked_at IS NOT NULL",
    ],
  ])(
    "of a forgotten host stay revoked when its name is somebody's again, also where %s",
    async (_, change) => {
      const { client } = await enrolled("web-1");
      await forget("web-1");
      await enrolled("web-1");
      const host = path.join(controller.dataDir, "postgresql/run");
      const database = new pg.Client({ host, user: "ringwall", database: "postgres" });
      await database.connect();
      await database.query(change);
      await database.end();
      controller = await controller.restart();
      expect(await reports(client, "web-1")).toMatch(/^Unauthenticated: .*was replaced/);
    },
  );
});
