// The database is put back from a backup while hosts went on: what they know that it does not.
import { execFileSync } from "node:child_process";
import path from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AgentClient, agentClient, certificateRequest, listen, pemOf } from "../testing/test-agent.ts";
import {
  connectDatabase,
  enrollHost,
  startTestController,
  type TestController,
} from "../testing/test-controller.ts";

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
    // Runs of the controller are told apart by the second in which they begin.
    execFileSync("sleep", ["1"]);
    execFileSync("rm", ["-r", database]);
    execFileSync("mv", [`${database}.backup`, database]);
  });

const enrolled = (workload: string) => enrollHost(controller, workload);

const program = (exe: string) => ({ exe, exeSha256: "a".repeat(64), user: "root" });
async function numberOf(client: AgentClient, workload: string, exe: string): Promise<number> {
  const { numbers } = await client.numberIdentities({ workload, processes: [program(exe)] });
  return numbers[0] ?? 0;
}

it("a number that was given out since the backup is given to nothing else, and who heard of it is told all anew", async () => {
  const workload = "web-1";
  const { client } = await enrolled(workload);
  const kept = await numberOf(client, workload, "/usr/bin/kept");
  await backUp();
  const lost = await numberOf(client, workload, "/usr/bin/lost");
  const { version, run } = await client.fetchProof({ workload, version: 0n });
  await putBack();
  const other = await numberOf(client, workload, "/usr/bin/other");
  const another = await numberOf(client, workload, "/usr/bin/another");
  expect([other, another]).not.toContain(lost);
  expect(await numberOf(client, workload, "/usr/bin/kept")).toBe(kept);
  const after = await client.fetchProof({ workload, version, numbers: [lost] });
  expect([after.complete, after.version > version, after.unassigned]).toEqual([true, true, [lost]]);
  expect([run, after.run]).toEqual([expect.any(BigInt), expect.any(BigInt)]);
  expect(after.run).not.toBe(run);
  // The newest first.
  expect(after.identities.map((one) => [one.number, one.process?.exe])).toEqual([
    [another, "/usr/bin/another"],
    [other, "/usr/bin/other"],
    [kept, "/usr/bin/kept"],
  ]);
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

  it("of a forgotten host stay revoked when its name is somebody's again, in whatever state the database is", async () => {
    const states = {
      // The clock was set back meanwhile.
      "web-1": "UPDATE workloads SET enrolled_at = now() - interval '1 day' WHERE name = 'web-1'",
      // An older version kept none of a forgotten host.
      "web-2": "DELETE FROM certificates WHERE workload = 'web-2' AND revoked_at IS NOT NULL",
    };
    const forgotten = new Map<string, AgentClient>();
    for (const name of Object.keys(states)) {
      forgotten.set(name, (await enrolled(name)).client);
      await forget(name);
      await enrolled(name);
    }
    const database = await connectDatabase(controller);
    for (const change of Object.values(states)) expect((await database.query(change)).rowCount).toBe(1);
    await database.end();
    controller = await controller.restart();
    for (const [name, client] of forgotten)
      expect(await reports(client, name)).toMatch(/^Unauthenticated: .*was replaced/);
  });
});
