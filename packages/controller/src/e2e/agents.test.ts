import { Code, ConnectError } from "@connectrpc/connect";
import { State } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flowBatch } from "../testing/flow-batches.ts";
import { agentClient, certificateRequest, enrollAgent, listen, pemOf } from "../testing/test-agent.ts";
import {
  createTestToken,
  enrollHost,
  startTestController,
  type TestController,
} from "../testing/test-controller.ts";

let controller: TestController;
beforeAll(async () => {
  controller = await startTestController();
});
afterAll(() => controller.remove());

const enrolled = (workload: string, addresses: readonly string[] = []) =>
  enrollHost(controller, workload, { addresses });

async function refusalOf(work: Promise<unknown>): Promise<ConnectError> {
  try {
    await work;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("it was not refused");
}

describe("enrolment", () => {
  it("gives a certificate for the token's workload, and a policy as soon as the agent listens", async () => {
    const agent = await enrolled("web-1", ["10.0.0.1"]);
    expect(agent.workload).toBe("web-1");
    const heard = listen(agent.client, "web-1");
    await heard.until(() => heard.policies.length > 0);
    heard.stop();
    expect(heard.policies[0]).toMatchObject({ confirmWithinSeconds: 0 });
    expect(heard.policies[0]?.policy).toMatchObject({
      workload: "web-1",
      revision: 0,
      selfAddresses: ["10.0.0.1/32"],
    });
    const essential = heard.policies[0]?.policy.rules.filter((rule) => rule.precedence === "essential");
    expect(essential?.map((rule) => rule.name)).toContain("essential/controller");
    expect(essential?.map((rule) => rule.name)).toContain("essential/management");
    expect(essential?.map((rule) => rule.name)).toContain("essential/resolver");
  });

  it("takes the host's own name where the token leaves it open", async () => {
    const token = await createTestToken(controller, { labels: { env: "prod" } });
    const agent = await enrollAgent(controller.agentsUrl, token, "open-1", {
      labels: { env: "dev", role: "web" },
    });
    expect(agent.workload).toBe("open-1");
    const { data } = await controller.client.GET("/api/v1/workloads");
    expect(data?.workloads.find((one) => one.name === "open-1")?.labels).toEqual({
      env: "prod",
      role: "web",
    });
  });

  it("refuses a token that was used, and says how to get another", async () => {
    const token = await createTestToken(controller);
    await enrollAgent(controller.agentsUrl, token, "used-1");
    const refused = await refusalOf(enrollAgent(controller.agentsUrl, token, "used-2"));
    expect(refused.code).toBe(Code.Unauthenticated);
    expect(refused.rawMessage).toContain("used already");
    expect(refused.rawMessage).toContain("ringwall token create");
  });

  it("refuses a token of another controller, and text that is no token", async () => {
    for (const token of ["rw1.e30", "nonsense", "", "rw1.'; DROP TABLE workloads; --"]) {
      const refused = await refusalOf(enrollAgent(controller.agentsUrl, token, "stranger"));
      expect([refused.code, refused.rawMessage]).toEqual([
        Code.Unauthenticated,
        expect.stringContaining("not one of this controller's"),
      ]);
    }
  });

  it("does not let an open token take over a name that is enrolled", async () => {
    await enrolled("taken");
    const refused = await refusalOf(
      enrollAgent(controller.agentsUrl, await createTestToken(controller), "taken"),
    );
    expect(refused.code).toBe(Code.AlreadyExists);
    expect(refused.rawMessage).toContain("ringwall token create --name taken");
  });

  it("lets only one of two hosts have a name that both ask for at once", async () => {
    const [a, b] = [await createTestToken(controller), await createTestToken(controller)];
    const both = await Promise.allSettled(
      [a, b].map((token) => enrollAgent(controller.agentsUrl, token, "twin")),
    );
    expect(both.map((one) => one.status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  it("does not use up a token when the request is not valid", async () => {
    const token = await createTestToken(controller, { workload: "careful" });
    const bad = await refusalOf(
      agentClient(controller.agentsUrl, {}).enroll({
        token,
        csr: new Uint8Array([1, 2, 3]),
        workload: "careful",
      }),
    );
    expect([bad.code, bad.rawMessage]).toEqual([Code.InvalidArgument, expect.stringContaining("PKCS#10")]);
    const other = await refusalOf(enrollAgent(controller.agentsUrl, token, "careless"));
    expect([other.code, other.rawMessage]).toEqual([
      Code.PermissionDenied,
      expect.stringContaining("--name careful"),
    ]);
    expect((await enrollAgent(controller.agentsUrl, token, "careful")).workload).toBe("careful");
  });

  it("replaces an enrolled host only by a token for its name, and its old certificate stops being good", async () => {
    const first = await enrolled("replaced");
    const heard = listen(first.client, "replaced");
    await heard.until(() => heard.policies.length > 0);
    const second = await enrolled("replaced");
    await heard.ended;
    const refused = await refusalOf(first.client.reportStatus({ workload: "replaced" }));
    expect([refused.code, refused.rawMessage]).toEqual([
      Code.Unauthenticated,
      expect.stringContaining("was replaced"),
    ]);
    await second.client.reportStatus({ workload: "replaced" });
  });
});

describe("identity", () => {
  it("refuses every call but Enroll without a certificate", async () => {
    const agent = await enrolled("anonymous-test");
    const anonymous = agentClient(controller.agentsUrl, { caPem: agent.identity.caPem });
    for (const call of [
      () => anonymous.reportStatus({ workload: "web-1" }),
      () => anonymous.reportFlows({ workload: "web-1" }),
      () => anonymous.reportExecs({ workload: "web-1" }),
      () => anonymous.renew({}),
      () => listen(anonymous, "web-1").ended.then((error) => Promise.reject(error)),
    ]) {
      expect((await refusalOf(call())).code).toBe(Code.Unauthenticated);
    }
  });

  it("reads no large message of a caller without a certificate", async () => {
    const agent = await enrolled("large-test");
    const anonymous = agentClient(controller.agentsUrl, { caPem: agent.identity.caPem });
    const large = { token: "x".repeat(200_000), csr: new Uint8Array(8) };
    expect((await refusalOf(anonymous.enroll(large))).code).toBe(Code.ResourceExhausted);
  });

  it("refuses an agent that speaks for another workload, by name", async () => {
    const agent = await enrolled("honest");
    for (const call of [
      () => agent.client.reportStatus({ workload: "db-1" }),
      () => agent.client.reportFlows(flowBatch("db-1", "x", [])),
      () => agent.client.reportExecs({ workload: "db-1", batchId: "x" }),
      () => listen(agent.client, "db-1").ended.then((error) => Promise.reject(error)),
    ]) {
      const refused = await refusalOf(call());
      expect(refused.code).toBe(Code.PermissionDenied);
      expect(refused.rawMessage).toContain("speaks for `honest`");
      expect(refused.rawMessage).toContain("`db-1`");
    }
  });

  it("refuses a certificate of another authority", async () => {
    const other = await startTestController();
    try {
      const stranger = await enrollAgent(other.agentsUrl, await createTestToken(other), "web-1");
      const own = await enrolled("for-ca");
      const client = agentClient(controller.agentsUrl, { ...stranger.identity, caPem: own.identity.caPem });
      const refused = await refusalOf(client.reportStatus({ workload: "web-1" }));
      expect(refused.code).toBe(Code.Unauthenticated);
      expect(refused.rawMessage).toContain("client certificate is not accepted");
    } finally {
      await other.remove();
    }
  });

  it("renews a certificate for the same workload and no other", async () => {
    const agent = await enrolled("renewing");
    const { csr, keyPem } = await certificateRequest();
    const renewed = await agent.client.renew({ csr });
    const identity = {
      ...agent.identity,
      keyPem,
      certificatePem: renewed.certificateChain.map(pemOf).join(""),
    };
    const client = agentClient(controller.agentsUrl, identity);
    await client.reportStatus({ workload: "renewing" });
    expect((await refusalOf(client.reportStatus({ workload: "web-1" }))).code).toBe(Code.PermissionDenied);
  });
});

describe("reports", () => {
  it("joins the reports of two agents, and counts a repeated upload once", async () => {
    const app = await enrolled("app-9", ["10.9.0.1"]);
    const db = await enrolled("db-9", ["10.9.0.2"]);
    const up = flowBatch("app-9", "one", [
      {
        direction: "outbound",
        local: "10.9.0.1",
        peer: "10.9.0.2",
        port: 5432,
        exe: "/usr/bin/python3",
        count: 4,
      },
    ]);
    await app.client.reportFlows(up);
    await app.client.reportFlows(up);
    await db.client.reportFlows(
      flowBatch("db-9", "one", [
        {
          direction: "inbound",
          local: "10.9.0.2",
          peer: "10.9.0.1",
          port: 5432,
          exe: "/usr/bin/postgres",
          count: 4,
        },
      ]),
    );
    const { data } = await controller.client.GET("/api/v1/flows", {
      params: { query: { workload: "db-9" } },
    });
    expect(data?.flows).toHaveLength(1);
    expect(data?.flows[0]).toMatchObject({
      count: 4,
      reporter: "joined",
      verification: "attested",
      proto: "tcp",
      port: 5432,
      src: { workload: "app-9", ip: "10.9.0.1", exe: "/usr/bin/python3" },
      dst: { workload: "db-9", ip: "10.9.0.2", exe: "/usr/bin/postgres" },
    });
  });

  it("knows loopback traffic as the host's own", async () => {
    const agent = await enrolled("loop");
    await agent.client.reportFlows(
      flowBatch("loop", "l", [
        { direction: "outbound", local: "127.0.0.1", peer: "127.0.0.1", port: 6379, exe: "/usr/bin/app" },
      ]),
    );
    const { data } = await controller.client.GET("/api/v1/flows", {
      params: { query: { workload: "loop" } },
    });
    expect(data?.flows[0]).toMatchObject({
      src: { workload: "loop" },
      dst: { workload: "loop", ip: "127.0.0.1" },
    });
  });

  it("refuses a batch whose columns differ, says which, and stores nothing of it", async () => {
    const agent = await enrolled("sloppy");
    const batch = flowBatch("sloppy", "bad", [
      { direction: "outbound", local: "10.0.0.9", peer: "10.0.0.8", port: 1, state: State.TIMEOUT },
    ]);
    batch.port.push(7);
    const refused = await refusalOf(agent.client.reportFlows(batch));
    expect([refused.code, refused.rawMessage]).toEqual([
      Code.InvalidArgument,
      expect.stringContaining("`port` has 2 rows"),
    ]);
    const { data } = await controller.client.GET("/api/v1/flows", {
      params: { query: { workload: "sloppy" } },
    });
    expect(data?.flows).toEqual([]);
  });

  it("keeps names shaped like SQL apart from SQL", async () => {
    const agent = await enrolled("inject", ["10.8.0.1"]);
    const exe = "/opt/x'); DROP TABLE workloads; --";
    await agent.client.reportFlows(
      flowBatch("inject", "'; DROP TABLE alerts; --", [
        {
          direction: "outbound",
          local: "10.8.0.1",
          peer: "10.8.0.2",
          port: 9,
          exe,
          alert: true,
          verdict: 3,
          rule: "p/it's",
        },
      ]),
    );
    const flows = await controller.client.GET("/api/v1/flows", { params: { query: { workload: "inject" } } });
    expect(flows.data?.flows[0]?.src.exe).toBe(exe);
    const alerts = await controller.client.GET("/api/v1/alerts");
    expect(alerts.data?.alerts.find((one) => one.workload === "inject")).toMatchObject({
      kind: "blocked",
      rule: "p/it's",
    });
  });

  it("shows programs from exec records, with where they were seen", async () => {
    const agent = await enrolled("runs");
    await agent.client.reportExecs({
      workload: "runs",
      batchId: "e",
      execs: [
        {
          process: { exe: "/usr/bin/curl", user: "root", evidence: "deb-repo", exeSha256: "a".repeat(64) },
          timeMs: BigInt(Date.now()),
        },
      ],
    });
    const { data } = await controller.client.GET("/api/v1/software");
    expect(data?.software.find((one) => one.exe === "/usr/bin/curl")).toMatchObject({
      name: "curl",
      named: false,
      provenance: "signed",
      users: ["root"],
      workloads: ["runs"],
    });
  });
});
