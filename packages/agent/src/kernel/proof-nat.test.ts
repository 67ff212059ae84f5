/** The proof where the network between two hosts rewrites addresses and ports, and the profiles that leave them out. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { remote } from "./generated/layout.ts";
import type { ProofProfile } from "./proof.ts";
import { offloadChecksums } from "./testing/checksums.ts";
import { TestHost } from "./testing/host.ts";
import { address, subjects, TCP, UDP } from "./testing/policies.ts";
import { connect, echoDatagrams, sendDatagram, serve } from "./testing/programs.ts";
import { countsOf, datagramCountsOf, newPair, onlyProved, stateOf, turnOn } from "./testing/proofs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;
const PORT = 8000;
const NUMBERS = [CLIENT, SERVER].map((one) => ({ number: 1000 + one, remote: remote.first }));
const SERVER_ADDRESS = "10.78.2.2";
/** What the client is seen as, and what the server may be asked for as. */
const OUTSIDE = "10.78.2.1";
const VIRTUAL = "10.78.9.9";
const ADDRESSES: ProofProfile = { addresses: true, ports: false };
const ALL: ProofProfile = { addresses: true, ports: true };

function onlyProvedBoth(direction: "in" | "out", subject: number) {
  return [TCP, UDP].flatMap((proto) => onlyProved(direction, subject, proto));
}

describe.skipIf(whyNoKernelTests("proof-nat.test.ts"))("the proof behind a NAT", () => {
  const middle = `rwm${randomBytes(3).toString("hex")}`;
  let a: TestHost;
  let b: TestHost;

  const ip = (...args: string[]) => execFileSync("ip", args);
  const inMiddle = (args: readonly string[], input = "") =>
    execFileSync("nsenter", [`--net=/run/netns/${middle}`, ...args], { input });
  const rewrite = (...rules: string[]) => {
    const chain = (hook: string, priority: number) =>
      `chain ${hook} {\ntype nat hook ${hook} priority ${priority}\n${rules
        .filter((one) => one.startsWith(hook))
        .map((one) => one.slice(hook.length))
        .join("\n")}\n}`;
    inMiddle(
      ["nft", "-f", "-"],
      `flush ruleset\ntable ip way {\n${chain("prerouting", -100)}\n${chain("postrouting", 100)}\n}\n`,
    );
  };
  const join = (host: TestHost, net: string) => {
    ip(
      "link",
      "add",
      "wire0",
      "netns",
      host.name,
      "type",
      "veth",
      "peer",
      "name",
      host.name,
      "netns",
      middle,
    );
    host.ip("addr", "add", `${net}.2/24`, "dev", "wire0");
    host.ip("link", "set", "wire0", "up");
    ip("-n", middle, "addr", "add", `${net}.1/24`, "dev", host.name);
    ip("-n", middle, "link", "set", host.name, "up");
    host.ip("route", "add", "default", "via", `${net}.1`);
    host.attachDevices("--prove-datagrams");
  };

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    ip("netns", "add", middle);
    join(a, "10.78.1");
    join(b, "10.78.2");
    inMiddle(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    // So that somebody computes the checksums, and somebody else looks at them.
    offloadChecksums(middle, b.name, false);
    offloadChecksums(middle, a.name, false);
    for (const host of [a, b]) {
      for (const { number } of NUMBERS) host.kernel.proof.setNumber(number - 1000, number);
      turnOn(host);
    }
    await b.start(serve(SERVER_ADDRESS, PORT), SERVER);
    await b.start(echoDatagrams(SERVER_ADDRESS, PORT), SERVER);
    const policy = (direction: "in" | "out", subject: number) => ({
      policies: onlyProvedBoth(direction, subject),
      subjects: subjects(subject),
      remotes: NUMBERS,
    });
    await a.provision({ modeOut: "block", ...policy("out", CLIENT) });
    await b.provision({ modeIn: "block", ...policy("in", SERVER) });
  });
  afterAll(async () => {
    await a.close();
    await b.close();
    ip("netns", "delete", middle);
  });
  beforeEach(() => {
    for (const host of [a, b])
      for (const peer of host.kernel.proof.peers()) host.kernel.proof.deletePeer(peer);
  });

  /** The client is known to the server by what the network makes of it, and the server to the client. */
  const know = (client: string, server: string, changes?: ProofProfile) => {
    const { toA, toB } = newPair();
    const special = { datagramPath: "expected", changes } as const;
    a.kernel.proof.setPeer(address(server), stateOf(toB, toA, "expected", special));
    b.kernel.proof.setPeer(address(client), stateOf(toA, toB, "expected", special));
  };
  const byTcp = async (to: string) =>
    (await a.ask<{ errno: number }>(connect(to, PORT, { timeoutS: 3 }), CLIENT)).errno;
  const byUdp = async (to: string) =>
    (await a.ask<{ errno: number }>(sendDatagram(to, PORT, { answer: true, bytes: 11 }), CLIENT)).errno;

  test("is right where addresses are only routed, also with checksums that somebody in the middle computes", async () => {
    rewrite();
    know("10.78.1.2", SERVER_ADDRESS);
    expect([await byTcp(SERVER_ADDRESS), await byUdp(SERVER_ADDRESS)]).toEqual([0, 0]);
    expect(countsOf(b)).toEqual({ sent: 1, proved: 1, missing: 0, wrong: 0 });
    expect(datagramCountsOf(a)).toEqual({ sent: 1, proved: 1, missing: 0, wrong: 0 });
  });

  test.each([
    ["the client's address is another one (masquerade)", OUTSIDE, SERVER_ADDRESS, "postrouting masquerade"],
    [
      "the server's address is another one (DNAT)",
      "10.78.1.2",
      VIRTUAL,
      `prerouting ip daddr ${VIRTUAL} dnat to ${SERVER_ADDRESS}`,
    ],
  ])(
    "where %s is wrong, and right with a profile that leaves addresses out",
    async (_, client, server, rule) => {
      rewrite(rule);
      know(client, server);
      expect(await byTcp(server)).not.toBe(0);
      expect(await byUdp(server)).not.toBe(0);
      expect(countsOf(b).wrong).toBeGreaterThan(0);
      expect(datagramCountsOf(b).wrong).toBeGreaterThan(0);
      know(client, server, ADDRESSES);
      expect([await byTcp(server), await byUdp(server)]).toEqual([0, 0]);
      expect(await b.flows()).toContainEqual(expect.objectContaining({ proto: UDP, level: "inBand" }));
    },
  );

  test("where ports are others as well needs a profile that leaves them out too", async () => {
    rewrite("postrouting meta l4proto { tcp, udp } masquerade to :20000-30000 random");
    know(OUTSIDE, SERVER_ADDRESS, ADDRESSES);
    expect(await byTcp(SERVER_ADDRESS)).not.toBe(0);
    know(OUTSIDE, SERVER_ADDRESS, ALL);
    expect([await byTcp(SERVER_ADDRESS), await byUdp(SERVER_ADDRESS)]).toEqual([0, 0]);
    expect(countsOf(a)).toMatchObject({ proved: 1, wrong: 0 });
  });

  test("takes no proof of another pair, whatever it leaves out", async () => {
    rewrite("postrouting masquerade");
    know(OUTSIDE, SERVER_ADDRESS, ALL);
    const stranger = newPair();
    a.kernel.proof.setPeer(
      address(SERVER_ADDRESS),
      stateOf(stranger.toB, stranger.toA, "expected", { changes: ALL, datagramPath: "expected" }),
    );
    expect(await byTcp(SERVER_ADDRESS)).not.toBe(0);
    expect(await byUdp(SERVER_ADDRESS)).not.toBe(0);
  });
});
