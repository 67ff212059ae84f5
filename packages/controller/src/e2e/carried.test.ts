import { X509Certificate } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { ProofPath } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AgentClient, agentClient, certificateRequest, listen, pemOf } from "../testing/test-agent.ts";
import { enrollHost, startTestController, type TestController } from "../testing/test-controller.ts";

let controller: TestController;
let host: AgentClient;
beforeAll(async () => {
  controller = await startTestController();
  host = (await enroll("host-1")).client;
});
afterAll(() => controller.remove());

const enroll = (workload: string) => enrollHost(controller, workload);

async function carry(
  by: AgentClient,
  workload: string,
  { labels = {}, expiredMs = 0 }: { labels?: Record<string, string>; expiredMs?: number } = {},
) {
  const { csr, keyPem } = await certificateRequest();
  const about = { workload, labels, addresses: ["10.1.0.2"], version: "test" };
  const reply = await by.enrollCarried({ ...about, csr, expiredMs: BigInt(expiredMs) });
  const identity = {
    keyPem,
    certificatePem: reply.certificateChain.map(pemOf).join(""),
    caPem: pemOf(reply.caCertificate),
  };
  const endsMs = new X509Certificate(identity.certificatePem).validToDate.getTime();
  return { workload: reply.workload, client: agentClient(controller.agentsUrl, identity), endsMs };
}

async function refusalOf(work: Promise<unknown>): Promise<ConnectError> {
  return work.then(
    () => {
      throw new Error("it was not refused");
    },
    (error: unknown) => ConnectError.from(error),
  );
}

describe("a host's containers", () => {
  it("are workloads with labels, addresses and policies of their own", async () => {
    const web = await carry(host, "host-1/web", {
      labels: { app: "crm", carrier: "somebody-else" },
    });
    const heard = listen(web.client, "host-1/web");
    await heard.until(() => heard.policies.length > 0);
    heard.stop();
    expect(heard.policies[0]?.policy).toMatchObject({
      workload: "host-1/web",
      selfAddresses: ["10.1.0.2/32"],
    });
    const { data } = await controller.client.GET("/api/v1/workloads");
    expect(data?.workloads.find(({ name }) => name === "host-1/web")?.labels).toEqual({
      app: "crm",
      carrier: "host-1",
    });
    // A container that starts again is the same workload.
    await carry(host, "host-1/web");
  });

  it("speak only for themselves, and carry none of their own", async () => {
    const web = await carry(host, "host-1/api");
    const other = listen(web.client, "host-1");
    expect(ConnectError.from(await other.ended).code).toBe(Code.PermissionDenied);
    expect((await refusalOf(carry(web.client, "host-1/api/inner"))).code).toBe(Code.PermissionDenied);
  });

  it("can't take other names: another host's, its own, or one that has an agent already", async () => {
    await enroll("host-1/own-agent");
    for (const [name, code] of [
      ["host-2/web", Code.PermissionDenied],
      ["host-1", Code.PermissionDenied],
      ["host-1/own-agent", Code.AlreadyExists],
      ["host-1/../x y", Code.InvalidArgument],
    ] as const)
      expect((await refusalOf(carry(host, name))).code).toBe(code);
  });

  it("have another certificate when theirs has expired, unless that was ended before: forgotten, or enrolled anew", async () => {
    const forget = async (name: string) => {
      const { response } = await controller.client.DELETE("/api/v1/workloads/{name}", {
        params: { path: { name } },
      });
      expect(response.ok).toBe(true);
    };
    const refusal = async (work: Promise<unknown>) => {
      const { code, rawMessage } = await refusalOf(work);
      return `${Code[code]}: ${rawMessage}`;
    };
    const name = "host-3/web";
    const carrier = (await enroll("host-3")).client;
    const first = await carry(carrier, name);
    const second = await carry(carrier, name, { expiredMs: first.endsMs });
    await second.client.reportStatus({ workload: name });
    controller = await controller.restart();
    // The answer before was lost.
    await carry(carrier, name, { expiredMs: first.endsMs });
    const third = await carry(carrier, name);
    // Of one that was issued before.
    const ended =
      /^PermissionDenied: the container `host-3\/web` was forgotten, or enrolled anew.*; start it again/;
    expect(await refusal(carry(carrier, name, { expiredMs: third.endsMs - 1000 }))).toMatch(ended);
    await third.client.reportStatus({ workload: name });
    await forget(name);
    expect(await refusal(carry(carrier, name, { expiredMs: third.endsMs }))).toMatch(ended);
    // Started again.
    const fourth = await carry(carrier, name);
    await forget("host-3");
    expect(await refusal(carry(carrier, name, { expiredMs: fourth.endsMs }))).toMatch(
      /^Unauthenticated: the controller knows no workload `host-3`/,
    );
  });

  it("are proved by their host's keys, to others and among themselves", async () => {
    const carrier = (await enroll("prover-1")).client;
    const peer = (await enroll("prover-2")).client;
    const key = { generation: 1, publicKey: new Uint8Array(32).fill(7) };
    await carrier.offerProofKey({ workload: "prover-1", keys: [key], mutePorts: [] });
    const { csr } = await certificateRequest();
    const about = { csr, labels: {}, version: "test" };
    await carrier.enrollCarried({ ...about, workload: "prover-1/a", addresses: ["10.1.9.2"] });
    const told = async (client: AgentClient, workload: string) => {
      const { peers } = await client.fetchProof({ workload, version: 0n });
      return peers
        .filter((one) => one.workload === "prover-1")
        .map(({ addresses, path }) => [addresses.map((bytes) => bytes.slice(12).join(".")), ProofPath[path]]);
    };
    expect(await told(peer, "prover-2")).toEqual([[["10.1.9.2"], "EXPECTED"]]);
    expect(await told(carrier, "prover-1")).toEqual([[["10.1.9.2"], "EXPECTED"]]);
    // What two hosts' containers have, as behind NAT, is neither's.
    const second = await certificateRequest();
    await peer.enrollCarried({ ...about, csr: second.csr, workload: "prover-2/a", addresses: ["10.1.9.2"] });
    expect(await told(peer, "prover-2")).toEqual([[[], "EXPECTED"]]);
  });
});
