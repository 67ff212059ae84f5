/** The proof in SYN and SYN-ACK between two kernels, with keys given by hand. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { remote } from "./generated/layout.ts";
import { eventsTold } from "./testing/events-told.ts";
import { TestHost, wire } from "./testing/host.ts";
import { allow, deny, subjects } from "./testing/policies.ts";
import { connect, serve } from "./testing/programs.ts";
import { countsOf, HOST_A, HOST_B, newPair, setKeys, stateOf, turnOff, turnOn } from "./testing/proofs.ts";
import { SLOWNESS, whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const OTHER = 12;
const SERVER = 21;
const IMPOSTOR = 22;
/** Numbers in the fleet are others than those of a host. */
const NUMBER = new Map([
  [CLIENT, 1011],
  [OTHER, 1012],
  [SERVER, 1021],
  [IMPOSTOR, 1022],
]);
const RIGHT = remote.first;
const WRONG = remote.first + 1;
const PORT = 8000;
const IMPOSTOR_PORT = 8001;
const LATE_PORT = 8002;

interface Connected {
  readonly errno: number;
}

/** Whoever may not prove passes; of those who may, only the right software. As `lowerHost` writes it. */
function onlyRight(direction: "in" | "out", subject: number, rule: number) {
  const own = { direction, subject, peer: 0 } as const;
  const provisional = direction === "out" ? [allow({ ...own, remote: remote.provisional, rule })] : [];
  return [
    allow({ ...own, rule }),
    ...provisional,
    allow({ ...own, remote: RIGHT, rule }),
    deny({ ...own, remote: WRONG, rule: 0 }),
    deny({ ...own, remote: remote.unknown, rule: 0 }),
  ];
}

describe.skipIf(whyNoKernelTests("proof.test.ts"))("the proof of the software", () => {
  let a: TestHost;
  let b: TestHost;

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    for (const [identity, number] of NUMBER) {
      a.kernel.proof.setNumber(identity, number);
      b.kernel.proof.setNumber(identity, number);
    }
    for (const address of ["10.77.0.2", "fd77::2"]) {
      await b.start(serve(address, PORT), SERVER);
      await b.start(serve(address, IMPOSTOR_PORT), IMPOSTOR);
    }
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  beforeEach(async () => {
    for (const host of [a, b]) {
      for (const peer of [...HOST_A, ...HOST_B]) host.kernel.proof.deletePeer(peer);
      turnOn(host);
    }
    setKeys(a, b, newPair());
    await a.provision({
      modeOut: "block",
      policies: [...onlyRight("out", CLIENT, 5), ...onlyRight("out", OTHER, 6)],
      subjects: subjects(CLIENT, OTHER),
      remotes: [
        { number: 1021, remote: RIGHT },
        { number: 1022, remote: WRONG },
      ],
    });
    await b.provision({
      modeIn: "block",
      policies: [...onlyRight("in", SERVER, 7), ...onlyRight("in", IMPOSTOR, 8)],
      subjects: subjects(SERVER, IMPOSTOR),
      remotes: [
        { number: 1011, remote: RIGHT },
        { number: 1012, remote: WRONG },
      ],
    });
    for (const host of [a, b]) {
      await host.flows();
      host.events.length = 0;
    }
  });

  const ask = (identity: number, address = "10.77.0.2", port = PORT, timeoutS = 6) =>
    a.ask<Connected>(connect(address, port, { timeoutS }), identity);

  test.each(["10.77.0.2", "fd77::2"])("of both ends is checked by the other at %s", async (address) => {
    expect((await ask(CLIENT, address)).errno).toBe(0);
    expect(countsOf(a)).toEqual({ sent: 1, proved: 1, missing: 0, wrong: 0 });
    expect(countsOf(b)).toEqual({ sent: 1, proved: 1, missing: 0, wrong: 0 });
    const established = { verdict: "allowed", state: "established", level: "inBand" };
    expect(await a.flows()).toContainEqual(
      expect.objectContaining({ ...established, rule: 5, identity: CLIENT }),
    );
    expect(await b.flows()).toContainEqual(
      expect.objectContaining({ ...established, rule: 7, identity: SERVER }),
    );
  });

  test("is not there while it is off, and nothing depends on it", async () => {
    turnOff(a);
    turnOff(b);
    expect((await ask(OTHER)).errno).toBe(0);
    expect(countsOf(b)).toEqual({ sent: 0, proved: 0, missing: 0, wrong: 0 });
    expect(await b.flows()).toContainEqual(expect.objectContaining({ rule: 7, level: "address" }));
  });

  test("refuses other software at the same address", async () => {
    expect((await ask(OTHER, "10.77.0.2", PORT, 2)).errno).not.toBe(0);
    expect(await b.flows()).toContainEqual(
      expect.objectContaining({ verdict: "blocked", level: "inBand", direction: "in" }),
    );
  });

  test("makes the client refuse a server that is other software", async () => {
    expect((await ask(CLIENT, "10.77.0.2", IMPOSTOR_PORT, 8)).errno).not.toBe(0);
    expect(await a.flows()).toContainEqual(
      expect.objectContaining({ verdict: "blocked", level: "inBand", direction: "out" }),
    );
  });

  test("meets the policy of the time of the answer, by whose numbers its program is another", async () => {
    b.answers = false;
    await b.start(serve("10.77.0.2", LATE_PORT), SERVER);
    const before = b.kernel.counters().holds;
    const asked = ask(CLIENT, "10.77.0.2", LATE_PORT);
    await vi.waitUntil(() => b.kernel.counters().holds > before, { timeout: 10_000 * SLOWNESS, interval: 2 });
    await a.provision({
      modeOut: "block",
      policies: onlyRight("out", CLIENT, 5),
      subjects: [
        { identity: OTHER, subject: CLIENT },
        { identity: CLIENT, subject: OTHER },
      ],
      remotes: [{ number: 1021, remote: RIGHT }],
    });
    b.answers = true;
    b.answerAll();
    expect((await asked).errno).not.toBe(0);
    expect(await a.flows()).toContainEqual(
      expect.objectContaining({ verdict: "blocked", level: "inBand", direction: "out" }),
    );
  });

  test("refuses a proof made with another key", async () => {
    const pair = newPair();
    for (const peer of HOST_A) b.kernel.proof.setPeer(peer, stateOf(pair.toA, pair.toB, "expected"));
    expect((await ask(CLIENT, "10.77.0.2", PORT, 2)).errno).not.toBe(0);
    expect(await eventsTold(b)).toContainEqual(
      expect.objectContaining({ type: "proof", fault: "mac", isAnswer: false }),
    );
    expect(countsOf(b).wrong).toBeGreaterThan(0);
  });

  test.each([
    [64, 0],
    [-64, 0],
    [180, 1],
  ])("between clocks %i s apart holds within one epoch", async (ahead, refused) => {
    turnOn(a, { ahead });
    const { errno } = await ask(CLIENT, "10.77.0.2", PORT, 2);
    expect(errno === 0 ? 0 : 1).toBe(refused);
  });

  test("counts for nothing from a host that was revoked", async () => {
    setKeys(a, b, newPair(), "revoked");
    expect((await ask(CLIENT, "10.77.0.2", PORT, 2)).errno).not.toBe(0);
  });
});
