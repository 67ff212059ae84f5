/** A server that is not the software that policy names: how the client's application learns of it. */
import { execFileSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { remote } from "./generated/layout.ts";
import { offloadChecksums } from "./testing/checksums.ts";
import { TestHost, wire } from "./testing/host.ts";
import { allow, deny, subjects } from "./testing/policies.ts";
import { connect, serve } from "./testing/programs.ts";
import { countsOf, HOST_B, newPair, setKeys, stateOf, turnOn } from "./testing/proofs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;
const IMPOSTOR = 22;
const PORT = 8000;
const IMPOSTOR_PORT = 8001;
const ADDRESSES = ["10.77.0.2", "fd77::2"];
const { ECONNREFUSED } = constants.errno;

interface Connected {
  readonly errno: number;
}

/** Of who can prove himself only `remote.first` is allowed; as `lowerHost` writes it. */
const toServerAlone = (() => {
  const own = { direction: "out", subject: CLIENT, peer: 0, rule: 5 } as const;
  return [
    allow({ ...own, remote: remote.provisional }),
    allow({ ...own, remote: remote.first }),
    deny({ ...own, remote: remote.first + 1, rule: 0 }),
    deny({ ...own, remote: remote.unknown, rule: 0 }),
  ];
})();

describe.skipIf(whyNoKernelTests("proof-refused.test.ts")).each([
  ["tcx", []],
  ["tc filters", ["--tc-filters"]],
])("a client whose devices have their program by %s", (how, more) => {
  let a: TestHost;
  let b: TestHost;
  let pair = newPair();

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    if (how !== "tcx") {
      a.unload();
      a.reload(...more);
    }
    wire(a, b, ...more);
    for (const host of [a, b])
      for (const identity of [CLIENT, SERVER, IMPOSTOR])
        host.kernel.proof.setNumber(identity, 1000 + identity);
    for (const address of ADDRESSES) {
      await b.start(serve(address, PORT), SERVER);
      await b.start(serve(address, IMPOSTOR_PORT), IMPOSTOR);
    }
    for (const host of [a, b]) turnOn(host);
    await a.provision({
      modeOut: "block",
      policies: toServerAlone,
      subjects: subjects(CLIENT),
      remotes: [
        { number: 1000 + SERVER, remote: remote.first },
        { number: 1000 + IMPOSTOR, remote: remote.first + 1 },
      ],
    });
    await b.provision({ modeIn: "observe", subjects: subjects(SERVER, IMPOSTOR) });
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });
  beforeEach(async () => {
    pair = newPair();
    setKeys(a, b, pair);
    for (const host of [a, b]) await host.flows();
  });

  const ask = async (address: string, port: number) =>
    (await a.ask<Connected>(connect(address, port, { timeoutS: 8 }), CLIENT)).errno;
  /** Connections at the server that its application has not got yet. */
  const halfOpen = () =>
    execFileSync("ip", ["netns", "exec", b.name, "ss", "-Htn", "state", "syn-recv"], { encoding: "utf8" });
  const refused = { verdict: "blocked", state: "denied", direction: "out", count: 1n };

  describe.each([
    ["computed by the device", true],
    ["complete in the packet", false],
  ])("checksums %s", (_, offload) => {
    beforeAll(() => {
      for (const host of [a, b]) offloadChecksums(host.name, "wire0", offload);
    });

    test.each(ADDRESSES)("is told of other software at %s at once", async (address) => {
      const resent = a.resentSegments();
      expect(await ask(address, IMPOSTOR_PORT)).toBe(ECONNREFUSED);
      expect(a.resentSegments()).toBe(resent);
      expect(await a.flows()).toEqual([expect.objectContaining({ ...refused, level: "inBand" })]);
    });

    test.each(ADDRESSES)("judges the right server at %s once", async (address) => {
      const before = countsOf(a).proved;
      expect(await ask(address, PORT)).toBe(0);
      expect(countsOf(a).proved - before).toBe(1);
      expect(await a.flows()).toEqual([
        expect.objectContaining({ verdict: "allowed", state: "established", level: "inBand", rule: 5 }),
      ]);
    });
  });

  test("is told of a proof that is wrong at once", async () => {
    for (const peer of HOST_B) a.kernel.proof.setPeer(peer, stateOf(pair.toB, newPair().toA, "expected"));
    expect(await ask("10.77.0.2", PORT)).toBe(ECONNREFUSED);
    expect(await a.flows()).toEqual([expect.objectContaining({ ...refused, reason: "wrongProof" })]);
  });

  test("leaves nothing open at the server, which never hears of a connection", async () => {
    expect(await ask("10.77.0.2", IMPOSTOR_PORT)).toBe(ECONNREFUSED);
    await expect.poll(halfOpen, { timeout: 20_000 }).toBe("");
    expect((await b.flows()).filter((flow) => flow.state === "established")).toEqual([]);
  });

  test("is refused by its socket's hook where the device has none", async () => {
    if (how !== "tcx") return;
    const devices = path.join(a.pin, "devices");
    for (const name of readdirSync(devices)) if (/^\d/.test(name)) rmSync(path.join(devices, name));
    expect(await ask("10.77.0.2", IMPOSTOR_PORT)).not.toBe(0);
    expect(await a.flows()).toEqual([expect.objectContaining({ ...refused, level: "inBand" })]);
    expect(await ask("10.77.0.2", PORT)).toBe(0);
    a.attachDevices(...more);
  });
});
