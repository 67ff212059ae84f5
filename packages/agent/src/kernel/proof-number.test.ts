/** Software whose number in the fleet is on its way, at either end, under `verified: required`. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { remote } from "./generated/layout.ts";
import { TestHost, wire } from "./testing/host.ts";
import { allow, deny, subjects } from "./testing/policies.ts";
import { connect, serve } from "./testing/programs.ts";
import { countsOf, newPair, setKeys, turnOn } from "./testing/proofs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const ECONNREFUSED = 111;
const SERVER = 21;
const RIGHT = remote.first;
const PORT = 8000;
const SOON = { timeout: 10_000, interval: 2 };

interface Connected {
  readonly errno: number;
}

describe.skipIf(whyNoKernelTests("proof-number.test.ts"))("a number that is on its way", () => {
  let a: TestHost;
  let b: TestHost;
  /** Of the client, another one in each test: what a kernel was told of a number stays. */
  let client = 100;

  const own = { direction: "in", subject: SERVER, peer: 0, rule: 7 } as const;
  const required = [
    allow({ ...own, remote: RIGHT }),
    deny({ ...own, rule: 0 }),
    deny({ ...own, remote: remote.unknown, rule: 0 }),
  ];
  const numberOf = (identity: number) => identity + 1000;

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    for (const host of [a, b]) host.kernel.proof.setNumber(SERVER, numberOf(SERVER));
    await b.start(serve("10.77.0.2", PORT), SERVER);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  beforeEach(async () => {
    client += 1;
    setKeys(a, b, newPair());
    turnOn(a, { numbered: true });
    turnOn(b);
    await a.provision({ modeOut: "observe", policies: [], subjects: [] });
    await provisionServer(required, true);
    for (const host of [a, b]) {
      await host.flows();
      host.events.length = 0;
    }
  });
  afterEach(() => {
    a.answers = true;
    for (const host of [a, b]) {
      host.stopBeating();
      host.startBeating();
    }
  });

  const provisionServer = (policies: readonly ReturnType<typeof allow>[], knowsClient: boolean) =>
    b.provision({
      modeIn: "block",
      policies,
      subjects: subjects(SERVER),
      remotes: knowsClient ? [{ number: numberOf(client), remote: RIGHT }] : [],
    });
  const ask = () => a.ask<Connected>(connect("10.77.0.2", PORT, { timeoutS: 15 }), client);
  const holdsOf = (host: TestHost) => host.kernel.counters().holds;
  const held = (host: TestHost, before: bigint) => vi.waitUntil(() => holdsOf(host) > before, SOON);

  const isProved = async (): Promise<void> => {
    expect(await b.flows()).toEqual([
      expect.objectContaining({ verdict: "allowed", state: "established", level: "inBand", rule: 7 }),
    ]);
    expect(countsOf(b)).toMatchObject({ missing: 0, wrong: 0 });
  };

  test("holds the SYN of a process that nobody has described yet, in observe too", async () => {
    a.kernel.proof.setNumber(client, numberOf(client));
    a.answers = false;
    const before = holdsOf(a);
    const asked = ask();
    await held(a, before);
    a.answerAll();
    expect((await asked).errno).toBe(0);
    await isProved();
  });

  test("holds the SYN of known software", async () => {
    const before = holdsOf(a);
    const asked = ask();
    await held(a, before);
    a.kernel.proof.setNumber(client, numberOf(client));
    expect((await asked).errno).toBe(0);
    await isProved();
  });

  test("holds nothing while no agent answers", async () => {
    a.silence();
    await b.provision({ modeIn: "observe", policies: [], subjects: [] });
    const before = holdsOf(a);
    expect((await ask()).errno).toBe(0);
    expect(holdsOf(a)).toBe(before);
  });

  test("has the server's end wait for a SYN that left without one", async () => {
    turnOn(a, { numbered: false });
    const before = holdsOf(b);
    const asked = ask();
    await held(b, before);
    a.kernel.proof.setNumber(client, numberOf(client));
    expect((await asked).errno).toBe(0);
    await isProved();
  });

  test("has the server's end ask whose it is, and wait for the answer", async () => {
    a.kernel.proof.setNumber(client, numberOf(client));
    await provisionServer(required, false);
    const asked = ask();
    const event = expect.objectContaining({ type: "proof", fault: "number" });
    await vi.waitFor(() => expect(b.events).toContainEqual(event), SOON);
    await provisionServer(required, true);
    expect((await asked).errno).toBe(0);
    await isProved();
  });

  test("is waited for no longer than it may take", async () => {
    a.kernel.proof.setNumber(client, numberOf(client));
    await provisionServer(required, false);
    expect((await ask()).errno).toBe(ECONNREFUSED);
    expect(await b.flows()).toEqual([expect.objectContaining({ verdict: "blocked", reason: "noProof" })]);
  });

  test("is not waited for where no rule asks for one", async () => {
    a.kernel.proof.setNumber(client, numberOf(client));
    await provisionServer([deny({ ...own, rule: 0 })], false);
    const before = holdsOf(b);
    expect((await ask()).errno).toBe(ECONNREFUSED);
    expect(holdsOf(b)).toBe(before);
  });
});
