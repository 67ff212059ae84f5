/** The proof behind a flow's first datagrams, between two kernels, with keys given by hand. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { remote } from "./generated/layout.ts";
import { offloadOnWire } from "./testing/checksums.ts";
import { TestHost, wire } from "./testing/host.ts";
import { allow, deny, subjects, UDP } from "./testing/policies.ts";
import { echoDatagrams, python, sendDatagram } from "./testing/programs.ts";
import { datagramCountsOf, HOST_A, newPair, setKeys, stateOf, turnOn } from "./testing/proofs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const OTHER = 12;
const SERVER = 21;
const IMPOSTOR = 22;
const UNNUMBERED = 13;
const NUMBERED = [CLIENT, OTHER, SERVER, IMPOSTOR];
const RIGHT = remote.first;
const WRONG = remote.first + 1;
const PORT = 9300;
const IMPOSTOR_PORT = 9301;
const ADDRESSES = ["10.77.0.2", "fd77::2"];
const PROVED = { datagramPath: "expected" } as const;
const ALL_RIGHT = { sent: 1, proved: 1, missing: 0, wrong: 0 };

interface Sent {
  readonly errno: number;
  readonly got: number;
}

type How = { port?: number } & NonNullable<Parameters<typeof sendDatagram>[2]>;

/** Only the right software, where it could be proved; as `lowerHost` writes it. */
function onlyRight(direction: "in" | "out", subject: number, rule: number, { required = false } = {}) {
  const own = { direction, subject, peer: 0, proto: UDP } as const;
  const provisional = direction === "out" ? [allow({ ...own, remote: remote.provisional, rule })] : [];
  return [
    required ? deny({ ...own, rule: 0 }) : allow({ ...own, rule }),
    ...provisional,
    allow({ ...own, remote: RIGHT, rule }),
    deny({ ...own, remote: WRONG, rule: 0 }),
    deny({ ...own, remote: remote.unknown, rule: 0 }),
  ];
}

describe.skipIf(whyNoKernelTests("datagram-proof.test.ts"))("the proof behind a datagram", () => {
  let a: TestHost;
  let b: TestHost;

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b, "--prove-datagrams");
    for (const host of [a, b])
      for (const identity of NUMBERED) host.kernel.proof.setNumber(identity, 1000 + identity);
    for (const address of ADDRESSES) {
      await b.start(echoDatagrams(address, PORT), SERVER);
      await b.start(echoDatagrams(address, IMPOSTOR_PORT), IMPOSTOR);
    }
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  const provision = async ({ required = false } = {}) => {
    await a.provision({
      modeOut: "block",
      policies: [CLIENT, OTHER, UNNUMBERED].flatMap((one) => onlyRight("out", one, 5, { required })),
      subjects: subjects(CLIENT, OTHER, UNNUMBERED),
      remotes: [
        { number: 1000 + SERVER, remote: RIGHT },
        { number: 1000 + IMPOSTOR, remote: WRONG },
      ],
    });
    await b.provision({
      modeIn: "block",
      policies: [...onlyRight("in", SERVER, 7, { required }), ...onlyRight("in", IMPOSTOR, 8, { required })],
      subjects: subjects(SERVER, IMPOSTOR),
      remotes: [
        { number: 1000 + CLIENT, remote: RIGHT },
        { number: 1000 + OTHER, remote: WRONG },
      ],
    });
  };

  beforeEach(async () => {
    for (const host of [a, b]) {
      for (const peer of host.kernel.proof.peers()) host.kernel.proof.deletePeer(peer);
      turnOn(host);
    }
    setKeys(a, b, newPair(), "expected", PROVED);
    await provision();
    for (const host of [a, b]) {
      await host.flows();
      host.events.length = 0;
    }
  });

  const ask = (identity: number, address = "10.77.0.2", { port = PORT, ...more }: How = {}) =>
    a.ask<Sent>(sendDatagram(address, port, { answer: true, ...more }), identity);
  const refusals = async (host: TestHost) =>
    (await host.flows()).filter((flow) => flow.verdict === "blocked").map((flow) => flow.reason);

  describe.each(ADDRESSES)("to %s", (address) => {
    test.each([
      ["an even number of bytes", { bytes: 10 }],
      ["an odd number of bytes", { bytes: 11 }],
      ["no bytes at all", { bytes: 0 }],
      ["a connected socket", { connected: true }],
    ])("is checked at both ends and not seen by the application: %s", async (_, how) => {
      expect(await ask(CLIENT, address, how)).toEqual({ errno: 0, got: "bytes" in how ? how.bytes : 10 });
      expect(datagramCountsOf(a)).toEqual(ALL_RIGHT);
      expect(datagramCountsOf(b)).toEqual(ALL_RIGHT);
      expect(await b.flows()).toContainEqual(
        expect.objectContaining({ verdict: "allowed", level: "inBand", rule: 7, count: 1n }),
      );
      expect((await a.flows()).every((flow) => flow.verdict === "allowed")).toBe(true);
    });

    test("refuses other software at the same address", async () => {
      expect((await ask(OTHER, address)).errno).not.toBe(0);
      expect(await b.flows()).toContainEqual(
        expect.objectContaining({ verdict: "blocked", level: "inBand", direction: "in" }),
      );
    });

    test("keeps the answer of other software from the client", async () => {
      expect(await ask(CLIENT, address, { port: IMPOSTOR_PORT })).toMatchObject({ got: 0 });
      expect(await a.flows()).toContainEqual(
        expect.objectContaining({ verdict: "blocked", level: "inBand", direction: "out" }),
      );
    });
  });

  test("goes with the first datagrams of a flow only", async () => {
    expect(await ask(CLIENT, "10.77.0.2", { times: 12 })).toEqual({ errno: 0, got: 120 });
    // A few of the twelve; each of them has an answer that is proved as well.
    expect(datagramCountsOf(a).sent).toBe(4);
    expect(datagramCountsOf(b).sent).toBe(7);
  });

  test("is right when a device computes the checksum, and when the kernel does", async () => {
    offloadOnWire([a, b], false);
    try {
      for (const address of ADDRESSES)
        for (const bytes of [1, 2, 1000, 1001])
          expect(await ask(CLIENT, address, { bytes })).toEqual({ errno: 0, got: bytes });
      expect(datagramCountsOf(b)).toEqual({ sent: 8, proved: 8, missing: 0, wrong: 0 });
    } finally {
      offloadOnWire([a, b], true);
    }
  });

  test("is left out where the datagram would become too large, which then counts as unproved", async () => {
    const before = a.kernel.counters().proofNoRoom;
    expect((await ask(CLIENT, "10.77.0.2", { bytes: 1300 })).errno).not.toBe(0);
    expect(a.kernel.counters().proofNoRoom).toBeGreaterThan(before);
    expect(datagramCountsOf(b)).toMatchObject({ proved: 0, missing: 1 });
    expect(await refusals(b)).toEqual(["noProof"]);
  });

  test("lets a flow go on with datagrams of any size once it is proved", async () => {
    const mixed = `
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3)
got = []
for size in (10, 1400, 9000):
    s.sendto(b"x" * size, ("10.77.0.2", ${PORT})); got.append(len(s.recv(20000)))
print(json.dumps(got))`;
    expect(await a.ask<number[]>(python(mixed), CLIENT)).toEqual([10, 1400, 2048]);
  });

  test("leaves alone what a device will cut into datagrams (GSO)", async () => {
    const cut = `
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3)
s.sendto(b"first", ("10.77.0.2", ${PORT})); s.recv(100)
s.setsockopt(17, 103, 500)
s.sendto(b"x" * 2000, ("10.77.0.2", ${PORT}))
print(json.dumps([len(s.recv(2000)) for _ in range(4)]))`;
    expect(await a.ask<number[]>(python(cut), CLIENT)).toEqual([500, 500, 500, 500]);
    expect(datagramCountsOf(b)).toMatchObject({ proved: 1, wrong: 0 });
  });

  test("made with another key is refused", async () => {
    const pair = newPair();
    setKeys(a, b, { ...pair, toB: newPair().toB }, "expected", PROVED);
    for (const peer of HOST_A) b.kernel.proof.setPeer(peer, stateOf(pair.toA, pair.toB, "expected", PROVED));
    expect((await ask(CLIENT)).errno).not.toBe(0);
    expect(await refusals(b)).toEqual(["wrongProof"]);
  });

  test("counts for nothing from a host that was revoked", async () => {
    setKeys(a, b, newPair(), "revoked", { datagramPath: "revoked" });
    expect((await ask(CLIENT)).errno).not.toBe(0);
  });

  test("of a program without a number has the number asked for, and is refused", async () => {
    expect((await ask(UNNUMBERED)).errno).not.toBe(0);
    a.kernel.proof.setNumber(UNNUMBERED, 2013);
    expect((await ask(UNNUMBERED)).errno).not.toBe(0);
    await expect
      .poll(() => b.events, { timeout: 10_000 })
      .toContainEqual(expect.objectContaining({ type: "proof", fault: "number" }));
  });

  test("is not asked for where the pair has not opted in", async () => {
    setKeys(a, b, newPair());
    expect(await ask(OTHER)).toEqual({ errno: 0, got: 10 });
    expect(datagramCountsOf(b)).toEqual({ sent: 0, proved: 0, missing: 0, wrong: 0 });
    expect(await b.flows()).toContainEqual(expect.objectContaining({ rule: 7, level: "address" }));
  });

  test("missing on a path that is marked lowers the level, unless it is required", async () => {
    setKeys(a, b, newPair(), "expected", { datagramPath: "stripped" });
    a.attachDevices();
    b.attachDevices();
    try {
      expect(await ask(CLIENT)).toEqual({ errno: 0, got: 10 });
      expect(await b.flows()).toContainEqual(expect.objectContaining({ rule: 7, level: "address" }));
      await provision({ required: true });
      expect((await ask(CLIENT)).errno).not.toBe(0);
    } finally {
      for (const host of [a, b]) host.attachDevices("--prove-datagrams");
    }
  });

  test("that is required and there is accepted", async () => {
    await provision({ required: true });
    expect(await ask(CLIENT)).toEqual({ errno: 0, got: 10 });
  });
});
