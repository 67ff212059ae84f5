import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toBinary } from "@bufbuild/protobuf";
import { FlowBatchSchema } from "@ringwall/protocol/agent";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AgentError } from "../agent-error.ts";
import type { AgentOptions } from "../agent-options.ts";
import { savePolicyState } from "../apply/policy-store.ts";
import { hostPolicyOf } from "../testing/host-policy.ts";
import { createTestAuthority, startTestController, type TestController } from "../testing/test-controller.ts";
import { loadCredentials, renewAtMs } from "./credentials.ts";
import { type EnrolmentParts, ensureEnrolled } from "./ensure-enrolled.ts";
import { createSession, RETRY_MS_MIN, type Session, type SessionParts } from "./session.ts";
import { openSpool } from "./spool.ts";
import { formatToken } from "./token.ts";
import { createUploader } from "./uploader.ts";

let controller: TestController;
let folder: string;
const stops: AbortController[] = [];
const expired: string[] = [];

beforeEach(async () => {
  controller = await startTestController();
  folder = await mkdtemp(join(tmpdir(), "ringwall-session-"));
});
afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort();
  await controller.close();
  await rm(folder, { recursive: true });
});

async function enrolWith(token: string, options: Partial<AgentOptions> = {}, nowMs: () => number = Date.now) {
  const tokenFile = join(folder, "token");
  await writeFile(tokenFile, token);
  const parts: EnrolmentParts = {
    options: {
      stateDir: folder,
      pinDir: "/none",
      cgroup: "/none",
      tokenFile,
      signal: AbortSignal.timeout(8000),
      ...options,
    },
    hostName: "web-1",
    addresses: () => ["192.0.2.1"],
    version: "0.1.0",
    nowMs,
    onWaiting: () => undefined,
    onUnusable: (why) => expired.push(why),
  };
  return (await ensureEnrolled(parts)).credentials;
}

async function problemOf(promise: Promise<unknown>): Promise<{ code: string; message: string; fix: string }> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AgentError)) throw new Error(`not refused: ${String(error)}`);
  const [problem] = error.problems;
  return { code: problem?.code ?? "", message: problem?.message ?? "", fix: problem?.fix ?? "" };
}

async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; tries < 3000; tries++) {
    if (what()) return;
    await sleep(20);
  }
  throw new Error(`never came true: ${what}`);
}

describe("enrolment", () => {
  test("trades a token for credentials that only the owner can read", async () => {
    const credentials = await enrolWith(controller.token());
    expect(credentials.workload).toBe("web-1");
    const file = join(folder, "identity", "credentials.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await loadCredentials(folder, Date.now())).toEqual(credentials);
    expect(new X509Certificate(credentials.certificateChain).subjectAltName).toContain("/workload/web-1");
  });

  test("a used token is refused in the controller's words", async () => {
    const token = controller.token();
    await enrolWith(token);
    await rm(join(folder, "identity"), { recursive: true });
    const problem = await problemOf(enrolWith(token));
    expect(problem).toMatchObject({
      code: "controller-refused",
      message: expect.stringContaining("the token was used already"),
    });
    expect(problem.fix).toContain("ringwall token create");
  });

  test("a controller that is not the token's is not spoken to", async () => {
    const other = await createTestAuthority();
    const token = formatToken({ controller: controller.url, caSha256: other.caSha256, secret: "x" });
    expect(await problemOf(enrolWith(token))).toMatchObject({ code: "controller-not-trusted" });
  });

  test("an agent's certificate is no controller's, and neither is one for another name", async () => {
    for (const names of [
      [
        { type: "ip", value: "127.0.0.1" },
        { type: "url", value: "spiffe://ringwall/workload/evil" },
      ],
      [{ type: "dns", value: "elsewhere.example" }],
    ] as const) {
      const impostor = await startTestController([...names]);
      try {
        expect(await problemOf(enrolWith(impostor.token()))).toMatchObject({
          code: "controller-not-trusted",
        });
      } finally {
        await impostor.close();
      }
    }
  });

  test("what is no token is refused without repeating it", async () => {
    for (const text of ["", "secret-thing", "rw1.%%%", "rw1.e30", `rw1.${"A".repeat(10_000)}`]) {
      const problem = await problemOf(enrolWith(text));
      expect(problem.code).toBe("token-invalid");
      expect(problem.message).not.toContain("secret-thing");
    }
  });

  test("without a token and never enrolled, it says what to do", async () => {
    const problem = await problemOf(enrolWith("", { tokenFile: join(folder, "no-such-file") }));
    expect(problem.code).toBe("token-unreadable");
    await enrolWith(controller.token());
    expect(await problemOf(enrolWith("x", { workload: "db-1" }))).toMatchObject({
      code: "enrolled-otherwise",
    });
    expect(await problemOf(enrolWith("x", { workload: "no good name" }))).toMatchObject({
      code: "workload-name",
    });
  });

  test("an expired certificate is named, and gives way to a new token", async () => {
    const first = await enrolWith(controller.token());
    const later = () => Date.now() + 7_200_000;
    expect(await problemOf(loadCredentials(folder, later()))).toMatchObject({ code: "certificate-unusable" });
    const second = await enrolWith(controller.token(), {}, later);
    expect(second.certificateChain).not.toBe(first.certificateChain);
  });

  test("an expired certificate without a token: it ends, but not where there is a policy to enforce", async () => {
    const credentials = await enrolWith(controller.token());
    const later = () => Date.now() + 7_200_000;
    const without = { stateDir: folder, pinDir: "/none", cgroup: "/none", signal: AbortSignal.timeout(8000) };
    const parts = {
      options: without,
      hostName: "web-1",
      addresses: () => [],
      version: "0.1.0",
      nowMs: later,
      onWaiting: () => undefined,
      onUnusable: (why: string) => expired.push(why),
    };
    expect(await problemOf(ensureEnrolled(parts))).toMatchObject({ code: "certificate-unusable" });
    const current = { generation: 1n, policy: hostPolicyOf() };
    await savePolicyState(folder, { current, waiting: null, revertedGeneration: 0n });
    expect(await ensureEnrolled(parts)).toEqual({ credentials });
    expect(expired[0]).toContain("enrol again");
  });

  test("damaged credentials are named by their file", async () => {
    await enrolWith(controller.token());
    const file = join(folder, "identity", "credentials.json");
    await writeFile(
      file,
      (await readFile(file, "utf8")).replace(/"workload": "web-1"/, '"workload": "db-1"'),
    );
    const problem = await problemOf(loadCredentials(folder, Date.now()));
    expect(problem.message).toContain(file);
  });

  test("it waits while nothing listens, and says so once", async () => {
    const token = controller.token();
    const { url } = controller;
    const told: string[] = [];
    await writeFile(
      join(folder, "token"),
      formatToken({ controller: "https://127.0.0.1:9", caSha256: "0".repeat(64), secret: "x" }),
    );
    const stop = AbortSignal.timeout(2500);
    await expect(
      ensureEnrolled({
        options: {
          stateDir: folder,
          pinDir: "/none",
          cgroup: "/none",
          tokenFile: join(folder, "token"),
          signal: stop,
        },
        hostName: "web-1",
        addresses: () => [],
        version: "0.1.0",
        nowMs: Date.now,
        onWaiting: ({ message }) => told.push(message),
        onUnusable: () => undefined,
      }),
    ).rejects.toThrow();
    expect(told).toHaveLength(1);
    expect(told[0]).toContain("nothing listens there");
    expect([token, url]).toHaveLength(2);
  });
});

describe("the session", () => {
  function start(credentials: SessionParts["credentials"], extra: Partial<SessionParts> = {}): Session {
    const session = createSession({
      stateDir: folder,
      credentials,
      version: "0.1.0",
      generation: () => 7n,
      onMessage: async () => undefined,
      onOpen: () => undefined,
      onFailure: () => undefined,
      nowMs: Date.now,
      ...extra,
    });
    const stop = new AbortController();
    stops.push(stop);
    void session.run(stop.signal);
    return session;
  }

  test("subscribes with what is in force, hears policies, and comes back after a cut", async () => {
    const heard: string[] = [];
    const session = start(await enrolWith(controller.token()), {
      onMessage: async (message) => {
        heard.push(message.case ?? "");
      },
    });
    await until(() => session.client() !== null);
    expect(controller.subscriptions).toEqual([{ workload: "web-1", generation: 7n }]);
    controller.send({ case: "confirm", value: { $typeName: "ringwall.agent.v1.Confirm", generation: 7n } });
    await until(() => heard.includes("confirm"));
    controller.cut();
    await until(() => session.client() === null);
    await until(() => controller.subscriptions.length === 2 && session.client() !== null);
  });

  test("renews its certificate after two thirds of its life and goes on with the new one", async () => {
    controller.settings.lifetimeMs = 9000;
    const credentials = await enrolWith(controller.token());
    controller.settings.lifetimeMs = 3_600_000;
    const session = start(credentials);
    await until(() => session.credentials().certificateChain !== credentials.certificateChain);
    await until(() => session.client() !== null && controller.subscriptions.length === 2);
    expect(renewAtMs(session.credentials().certificateChain)).toBeGreaterThan(Date.now() + 600_000);
    expect(await loadCredentials(folder, Date.now())).toEqual(session.credentials());
  });

  test("enrols as often as its certificate has expired while the controller was away, where its host can", async () => {
    let nowMs = Date.now();
    const asked: string[] = [];
    const session = start(await enrolWith(controller.token()), {
      enrol: async (expired) => {
        asked.push(expired.certificateChain);
        return enrolWith(controller.token(), { stateDir: join(folder, "next") }, () => nowMs);
      },
      enrolsAgain: true,
      nowMs: () => nowMs,
    });
    for (const times of [1, 2]) {
      await until(() => controller.subscriptions.length === times && session.client() !== null);
      const { certificateChain } = session.credentials();
      nowMs += 7_200_000;
      controller.settings.lifetimeMs = 7_200_000 * times + 3_600_000;
      controller.cut();
      await until(() => asked.length === times);
      expect(asked.at(-1)).toBe(certificateChain);
    }
  });

  test("renews once, not again and again, where its clock is so far ahead that every certificate looks due", async () => {
    const credentials = await enrolWith(controller.token());
    const session = start(credentials, { nowMs: () => Date.now() + 30 * 86_400_000 });
    const chain = () => session.credentials().certificateChain;
    await until(() => chain() !== credentials.certificateChain);
    const renewed = chain();
    await sleep(4 * RETRY_MS_MIN);
    expect(chain()).toBe(renewed);
    expect(session.client()).not.toBeNull();
  });

  test("a controller of another authority is not spoken to, and the reason is told once", async () => {
    const credentials = await enrolWith(controller.token());
    const impostor = await startTestController();
    const failures: string[] = [];
    const session = start(
      { ...credentials, controller: impostor.url },
      { onFailure: ({ code }) => failures.push(code) },
    );
    await until(() => session.failure() !== null);
    await sleep(1500);
    expect(failures).toEqual(["controller-not-trusted"]);
    expect(impostor.subscriptions).toEqual([]);
    await impostor.close();
  });

  test("reports wait on disk while the controller is away, and arrive each once", async () => {
    const session = start(await enrolWith(controller.token()));
    await until(() => session.client() !== null);
    const spool = await openSpool(folder);
    let away = true;
    const uploader = createUploader(
      spool,
      () => (away ? null : session.client()),
      () => undefined,
    );
    for (const batchId of ["a", "b", "c"])
      await uploader.add({ kind: "flows", rows: 1, bytes: batch(batchId) });
    expect(spool.size().reports).toBe(3);
    void uploader.add({ kind: "flows", rows: 1, bytes: batch("d") });
    await uploader.settled();
    expect(spool.size().reports).toBe(4);
    away = false;
    await uploader.flush();
    expect(controller.flows.map((flow) => flow.batchId).sort()).toEqual(["a", "b", "c", "d"]);
    expect(spool.size()).toEqual({ reports: 0, bytes: 0 });
  });

  test("a report that comes while another is being sent is not left behind", async () => {
    const session = start(await enrolWith(controller.token()));
    await until(() => session.client() !== null);
    const spool = await openSpool(folder);
    const setOut = Promise.withResolvers<void>();
    const arrive = Promise.withResolvers<void>();
    // The real client, whose calls arrive only when told.
    const slow = () => {
      const client = session.client();
      if (client === null) return null;
      const reportFlows: typeof client.service.reportFlows = async (...args) => {
        setOut.resolve();
        await arrive.promise;
        return client.service.reportFlows(...args);
      };
      return { ...client, service: { ...client.service, reportFlows } };
    };
    const uploader = createUploader(spool, slow, () => undefined);
    const first = uploader.add({ kind: "flows", rows: 1, bytes: batch("a") });
    // Added at once, both might go in one group, whose order is free.
    await setOut.promise;
    await uploader.add({ kind: "flows", rows: 1, bytes: batch("b") });
    arrive.resolve();
    await first;
    await until(() => spool.size().reports === 0);
    expect(controller.flows.map((flow) => flow.batchId)).toEqual(["a", "b"]);
  });

  test("a report refused for good is dropped and counted, and holds nothing up", async () => {
    const session = start(await enrolWith(controller.token()));
    await until(() => session.client() !== null);
    controller.settings.refuseFlows = true;
    const said: string[] = [];
    const uploader = createUploader(await openSpool(folder), session.client, (message) => said.push(message));
    await uploader.add({ kind: "flows", rows: 5, bytes: batch("a") });
    await uploader.settled();
    expect(uploader.losses()).toEqual({ spoolFull: 0, refused: 5 });
    expect(said[0]).toContain("not yours");
  });
});

function batch(batchId: string): Uint8Array {
  return toBinary(FlowBatchSchema, {
    $typeName: "ringwall.agent.v1.FlowBatch",
    workload: "web-1",
    batchId,
    names: [],
    peerName: [],
    processes: [],
    rules: [],
    process: [],
    level: [],
    localAddress: new Uint8Array(),
    peerAddress: new Uint8Array(),
    port: [],
    proto: [],
    direction: [],
    state: [],
    verdict: [],
    alert: [],
    rule: [],
    count: [],
    bytesOut: [],
    bytesIn: [],
    firstMs: [],
    lastMs: [],
    lost: {},
    generation: 0n,
  });
}
