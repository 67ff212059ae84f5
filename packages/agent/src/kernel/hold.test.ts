/** A process that the agent does not know yet, in block mode: its SYN waits for the answer. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { eventsTold } from "./testing/events-told.ts";
import { TestHost, wire } from "./testing/host.ts";
import { allow, subjects, UDP } from "./testing/policies.ts";
import { connect, echoDatagrams, sendDatagram, serve } from "./testing/programs.ts";
import { SLOWNESS, whyNoKernelTests } from "./testing/requirements.ts";

const ETIMEDOUT = 110;
const CLIENT = 11;
const SERVER = 21;

interface Connected {
  readonly errno: number;
}

describe.skipIf(whyNoKernelTests("hold.test.ts"))("a process that is not known yet", () => {
  let a: TestHost;
  let b: TestHost;

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    await b.start(serve("10.77.0.2", 8000), SERVER);
    await b.start(echoDatagrams("10.77.0.2", 5300), SERVER);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  const forClient = [allow({ subject: CLIENT, port: 8000, portBits: 16, rule: 5 })];
  beforeEach(async () => {
    await a.provision({ modeOut: "block", policies: forClient, subjects: subjects(CLIENT) });
    await a.flows();
    a.events.length = 0;
  });
  afterEach(() => {
    a.answers = true;
    a.stopBeating();
    a.startBeating();
  });

  const holds = (): bigint => a.kernel.counters().holds;

  /** Connects as a program of which the agent says what it is when its SYN is held. */
  const askHeld = async (identity: number): Promise<Connected> => {
    a.answers = false;
    const before = holds();
    const answer = a.ask<Connected>(connect("10.77.0.2", 8000, { timeoutS: 15 }), identity);
    await vi.waitUntil(() => holds() > before, { timeout: 10_000 * SLOWNESS, interval: 2 });
    a.answerAll();
    return answer;
  };

  test("connects without an error when the answer comes while its SYN is held", async () => {
    expect((await askHeld(CLIENT)).errno).toBe(0);
    expect(await a.flows()).toContainEqual(
      expect.objectContaining({
        identity: CLIENT,
        rule: 5,
        verdict: "allowed",
        state: "established",
        count: 1n,
      }),
    );
    expect((await eventsTold(a)).some((event) => event.type === "identityMiss")).toBe(true);
  });

  test("is denied when the answer says so, without hanging for minutes", async () => {
    expect((await askHeld(99)).errno).toBe(ETIMEDOUT);
    expect(await a.flows()).toEqual([
      expect.objectContaining({
        identity: 99,
        verdict: "blocked",
        reason: "defaultDeny",
        state: "denied",
        count: 1n,
      }),
    ]);
  });

  test("is denied when no answer comes for as long as it may be held", async () => {
    a.answers = false;
    const { errno } = await a.ask<Connected>(connect("10.77.0.2", 8000, { timeoutS: 15 }), CLIENT);
    expect(errno).toBe(ETIMEDOUT);
    expect(a.kernel.counters().holdGiveUps).toBeGreaterThan(0n);
    expect(await a.flows()).toEqual([
      expect.objectContaining({ identity: 0, verdict: "blocked", reason: "holdGiveUp", state: "denied" }),
    ]);
  });

  test("is let through at once by a rule that asks for no software", async () => {
    a.answers = false;
    const before = holds();
    await a.provision({ modeOut: "block", policies: [allow({ port: 8000, portBits: 16 })] });
    expect((await a.ask<Connected>(connect("10.77.0.2", 8000), CLIENT)).errno).toBe(0);
    expect(holds()).toBe(before);
  });

  test("is never held in observe, and is recorded by its name once known", async () => {
    a.answers = false;
    await a.provision({ modeOut: "observe", subjects: subjects(CLIENT) });
    const before = holds();
    const asked = `print("connected", flush=True); sys.stdin.readline(); s.close()`;
    const server = connect("10.77.0.2", 8000).map((part) => part.replace("s.close()", asked));
    const running = await a.start(server, CLIENT, (line) => line.includes("errno"));
    a.answerAll();
    running.child.stdin?.write("\n");
    await vi.waitUntil(() => running.child.exitCode === 0, { timeout: 10_000 * SLOWNESS });
    expect(holds()).toBe(before);
    const flows = await a.flows();
    expect(new Set(flows.map((flow) => flow.identity))).toEqual(new Set([CLIENT]));
    expect(flows[0]).toMatchObject({ verdict: "wouldBlock", state: "established" });
  });

  test("may not send datagrams", async () => {
    a.answers = false;
    const forDatagrams = [allow({ subject: CLIENT, proto: UDP, port: 5300, portBits: 16 })];
    await a.provision({ modeOut: "block", policies: forDatagrams, subjects: subjects(CLIENT) });
    const { errno } = await a.ask<Connected>(sendDatagram("10.77.0.2", 5300), CLIENT);
    expect(errno).toBe(a.refusal);
    expect(await a.flows()).toEqual([
      expect.objectContaining({
        identity: 0,
        verdict: "blocked",
        reason: "pendingDatagram",
        state: "denied",
      }),
    ]);
  });

  describe("when the agent has been silent", () => {
    beforeEach(() => {
      a.answers = false;
      a.silence();
    });

    test("is refused at once where the segment fails static", async () => {
      const { errno } = await a.ask<Connected>(connect("10.77.0.2", 8000), CLIENT);
      expect(errno).toBe(a.refusal);
      expect(await a.flows()).toEqual([
        expect.objectContaining({ identity: 0, reason: "holdGiveUp", verdict: "blocked" }),
      ]);
    });

    test("is let through and recorded where the segment fails open", async () => {
      await a.provision({
        modeOut: "block",
        failOpen: true,
        policies: forClient,
        subjects: subjects(CLIENT),
      });
      expect((await a.ask<Connected>(connect("10.77.0.2", 8000), CLIENT)).errno).toBe(0);
      expect(await a.flows()).toContainEqual(
        expect.objectContaining({
          identity: 0,
          reason: "failOpen",
          verdict: "wouldBlock",
          state: "established",
        }),
      );
    });
  });
});
