/** Verdicts on real connections of real processes, between two hosts on a wire. */
import { constants } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FlowRecord } from "./contract.ts";
import { denialsTold } from "./testing/events-told.ts";
import { TestHost, wire } from "./testing/host.ts";
import { address, allow, deny, peer, subjects, TCP, UDP } from "./testing/policies.ts";
import { connect, echoDatagrams, sendDatagram, serve } from "./testing/programs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const OTHER = 12;
const SERVER = 21;
const PEER_B = 5;

interface Connected {
  readonly errno: number;
}
interface Sent {
  readonly errno: number;
  readonly got: number;
}

describe.skipIf(whyNoKernelTests("verdicts.test.ts"))("verdicts between two hosts", () => {
  let a: TestHost;
  let b: TestHost;

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    await b.start(serve("10.77.0.2", 8000, { send: 500, read: 1000 }), SERVER);
    await b.start(serve("fd77::2", 8000, { send: 500, read: 1000 }), SERVER);
    await b.start(echoDatagrams("10.77.0.2", 5300), SERVER);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  const peers = [peer("10.77.0.2", PEER_B), peer("fd77::2", PEER_B)];
  const web = { subject: CLIENT, peer: PEER_B, port: 8000, portBits: 16 };
  const talk = { send: 1000, read: 500 };

  test.each(["10.77.0.2", "fd77::2"])(
    "an allowed program reaches %s and its bytes are counted at both ends",
    async (ip) => {
      await a.provision({
        modeOut: "block",
        policies: [allow({ ...web, rule: 42 })],
        peers,
        subjects: subjects(CLIENT),
      });
      await b.provision({ modeIn: "observe", subjects: subjects(SERVER) });
      await Promise.all([a.flows(), b.flows()]);

      const { errno } = await a.ask<Connected>(connect(ip, 8000, talk), CLIENT);
      expect(errno).toBe(0);

      const out = merged(await a.flows());
      expect(out).toMatchObject({
        identity: CLIENT,
        rule: 42,
        port: 8000,
        proto: TCP,
        direction: "out",
        verdict: "allowed",
        reason: "ruleAllow",
        state: "established",
        count: 1n,
        bytesOut: 1000n,
        bytesIn: 500n,
      });
      expect(out.address).toEqual(address(ip));
      const into = merged(await b.flows());
      expect(into).toMatchObject({
        identity: SERVER,
        port: 8000,
        direction: "in",
        verdict: "wouldBlock",
        state: "established",
        count: 1n,
        bytesOut: 500n,
        bytesIn: 1000n,
      });
      expect(into.address).toEqual(address(ip.replace(/2$/, "1")));
    },
  );

  test.each(["10.77.0.2", "fd77::2"])(
    "another program to %s is refused at once and told at once",
    async (ip) => {
      await a.provision({
        modeOut: "block",
        policies: [allow(web)],
        peers,
        subjects: subjects(CLIENT, OTHER),
      });
      await a.flows();
      a.events.length = 0;

      const { errno } = await a.ask<Connected>(connect(ip, 8000), OTHER);
      expect(errno).toBe(a.refusal);

      expect(merged(await a.flows())).toMatchObject({
        identity: OTHER,
        rule: 0,
        verdict: "blocked",
        reason: "defaultDeny",
        state: "denied",
        count: 1n,
      });
      const denials = await denialsTold(a);
      expect(denials).toHaveLength(1);
      expect(denials[0]).toMatchObject({
        identity: OTHER,
        subject: OTHER,
        peerClass: PEER_B,
        port: 8000,
        direction: "out",
      });
    },
  );

  test("observe lets a denied connection pass and records that it would be blocked", async () => {
    await a.provision({ modeOut: "observe", peers, subjects: subjects(OTHER) });
    await a.flows();
    a.events.length = 0;
    expect((await a.ask<Connected>(connect("10.77.0.2", 8000, talk), OTHER)).errno).toBe(0);
    expect(merged(await a.flows())).toMatchObject({
      identity: OTHER,
      verdict: "wouldBlock",
      state: "established",
      count: 1n,
    });
    expect(await denialsTold(a)).toEqual([]);
  });

  test("alert lets it pass too, and tells", async () => {
    await a.provision({ modeOut: "alert", peers, subjects: subjects(OTHER) });
    a.events.length = 0;
    expect((await a.ask<Connected>(connect("10.77.0.2", 8000, talk), OTHER)).errno).toBe(0);
    expect(merged(await a.flows())).toMatchObject({ verdict: "wouldBlockAlert", state: "established" });
    expect((await denialsTold(a))[0]).toMatchObject({
      identity: OTHER,
      subject: OTHER,
      peerClass: PEER_B,
      verdict: "wouldBlockAlert",
    });
  });

  test("an immediate deny is refused in observe and where nothing governs", async () => {
    const policies = [deny({ port: 8000, portBits: 16, immediate: true, rule: 9 })];
    for (const modeOut of ["observe", "ungoverned"] as const) {
      await a.provision({ modeOut, policies, peers, subjects: subjects(CLIENT) });
      await a.flows();
      expect((await a.ask<Connected>(connect("10.77.0.2", 8000), CLIENT)).errno).toBe(a.refusal);
      expect(merged(await a.flows())).toMatchObject({ verdict: "blocked", reason: "immediateDeny", rule: 9 });
    }
  });

  test("an ungoverned direction is allowed without would-block", async () => {
    await a.provision({ modeOut: "ungoverned", peers });
    await a.flows();
    expect((await a.ask<Connected>(connect("10.77.0.2", 8000, talk), OTHER)).errno).toBe(0);
    expect(merged(await a.flows())).toMatchObject({ verdict: "allowed", reason: "ungoverned", count: 1n });
  });

  test("the longest port prefix of the most exact pair decides", async () => {
    const policies = [
      deny({ subject: CLIENT, peer: PEER_B, port: 8000, portBits: 16, rule: 1 }),
      allow({ subject: CLIENT, peer: PEER_B, port: 8000, portBits: 8, rule: 2 }),
      allow({ subject: CLIENT, port: 8000, portBits: 16, rule: 3 }),
      deny({ subject: CLIENT, port: 0, portBits: 0, rule: 4 }),
    ];
    await a.provision({
      modeOut: "observe",
      policies,
      peers: [peer("10.77.0.2", PEER_B)],
      subjects: subjects(CLIENT),
    });
    const ruleOf = async (ip: string, port: number): Promise<number> => {
      await a.flows();
      await a.ask<Connected>(connect(ip, port, { timeoutS: 1 }), CLIENT);
      return merged(await a.flows()).rule;
    };
    expect(await ruleOf("10.77.0.2", 8000)).toBe(1);
    expect(await ruleOf("10.77.0.2", 8001)).toBe(2);
    expect(await ruleOf("fd77::2", 8000)).toBe(3);
    expect(await ruleOf("fd77::2", 9000)).toBe(4);
  });

  test("a connection to a closed port is refused, one into the void times out", async () => {
    await a.provision({ modeOut: "observe", peers });
    await a.flows();
    await a.ask<Connected>(connect("10.77.0.2", 9), CLIENT);
    expect(merged(await a.flows())).toMatchObject({ port: 9, state: "refused", count: 1n });
    b.ip("route", "add", "blackhole", "10.88.0.0/16");
    b.ip("link", "set", "lo", "up");
    a.ip("route", "add", "10.88.0.0/16", "via", "10.77.0.2");
    await a.ask<Connected>(connect("10.88.0.1", 9, { timeoutS: 1.2 }), CLIENT);
    expect(merged(await a.flows())).toMatchObject({ port: 9, state: "timeout", count: 1n });
  });

  describe("inbound", () => {
    const inbound = { direction: "in", subject: SERVER, port: 8000, portBits: 16 } as const;
    beforeAll(async () => a.provision({ modeOut: "ungoverned" }));

    test.each(["10.77.0.2", "fd77::2"])("block refuses with a reset at the first SYN to %s", async (ip) => {
      await b.provision({ modeIn: "block", subjects: subjects(SERVER) });
      await b.flows();
      b.events.length = 0;
      const resent = a.resentSegments();
      const { errno } = await a.ask<Connected>(connect(ip, 8000, { timeoutS: 4 }), CLIENT);
      expect(errno).toBe(constants.errno.ECONNREFUSED);
      if (b.has("judge_at_device")) expect(a.resentSegments()).toBe(resent);
      expect(merged(await b.flows())).toMatchObject({
        identity: SERVER,
        direction: "in",
        verdict: "blocked",
        state: "denied",
        count: 1n,
        port: 8000,
      });
      expect((await denialsTold(b))[0]).toMatchObject({
        direction: "in",
        identity: SERVER,
      });
    });

    test("an immediate deny refuses in observe and where nothing governs", async () => {
      const policies = [deny({ direction: "in", port: 8000, portBits: 16, immediate: true, rule: 9 })];
      for (const modeIn of ["observe", "ungoverned"] as const) {
        await b.provision({ modeIn, policies, subjects: subjects(SERVER) });
        await b.flows();
        const { errno } = await a.ask<Connected>(connect("10.77.0.2", 8000), CLIENT);
        expect(errno).toBe(constants.errno.ECONNREFUSED);
        expect(merged(await b.flows())).toMatchObject({
          verdict: "blocked",
          reason: "immediateDeny",
          rule: 9,
        });
      }
    });

    test.each(["10.77.0.2", "fd77::2"])("a rule for the listening software lets %s through", async (ip) => {
      const from = [peer("10.77.0.1", 3), peer("fd77::1", 3)];
      await b.provision({
        modeIn: "block",
        policies: [allow({ ...inbound, peer: 3, rule: 8 })],
        peers: from,
        subjects: subjects(SERVER),
      });
      await b.flows();
      expect((await a.ask<Connected>(connect(ip, 8000, talk), CLIENT)).errno).toBe(0);
      expect(merged(await b.flows())).toMatchObject({
        verdict: "allowed",
        rule: 8,
        state: "established",
        count: 1n,
      });
    });

    test("the same rule for other software does not", async () => {
      await b.provision({
        modeIn: "block",
        policies: [allow({ ...inbound, subject: 99 })],
        subjects: subjects(SERVER),
      });
      expect((await a.ask<Connected>(connect("10.77.0.2", 8000), CLIENT)).errno).not.toBe(0);
    });

    test.each(["10.77.0.2", "fd77::2"])(
      "another program that shares an allowed port of %s is reached by nobody",
      async (ip) => {
        const port = 8002;
        const sharing = serve(ip, port).map((part) =>
          part.replace("s.bind(", "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\ns.bind("),
        );
        const servers = [await b.start(sharing, SERVER), await b.start(sharing, OTHER)];
        await b.provision({
          modeIn: "block",
          policies: [allow({ ...inbound, port })],
          subjects: subjects(SERVER, OTHER),
        });
        await b.flows();
        // The kernel chooses by a digest of the ports: neither is met by chance alone.
        for (let i = 0; i < 24; i++) await a.ask<Connected>(connect(ip, port), CLIENT);
        const verdicts = (await b.flows()).map(({ identity, verdict }) => `${identity} ${verdict}`);
        expect(new Set(verdicts)).toEqual(new Set([`${SERVER} allowed`, `${OTHER} blocked`]));
        await Promise.all(servers.map((server) => server.stop()));
      },
    );

    test("a listener that was bound before a fork keeps its identity", async () => {
      const forking = serve("10.77.0.2", 8001).map((part) =>
        part.replace("s.listen(64)", "s.listen(64)\nimport os\nos.fork()"),
      );
      const server = await b.start(forking, SERVER);
      await b.provision({
        modeIn: "block",
        policies: [allow({ ...inbound, port: 8001 })],
        subjects: subjects(SERVER),
      });
      expect((await a.ask<Connected>(connect("10.77.0.2", 8001), CLIENT)).errno).toBe(0);
      await server.stop();
    });
  });

  describe("datagrams", () => {
    const dns = { proto: UDP, subject: CLIENT, port: 5300, portBits: 16 };
    beforeAll(async () => b.provision({ modeIn: "ungoverned", modeOut: "ungoverned" }));

    test.each([true, false])(
      "allowed ones pass and their bytes are counted (connected: %s)",
      async (connected) => {
        await a.provision({
          modeOut: "block",
          policies: [allow({ ...dns, rule: 3 })],
          subjects: subjects(CLIENT),
        });
        await a.flows();
        const argv = sendDatagram("10.77.0.2", 5300, { bytes: 100, answer: true, connected, times: 3 });
        expect(await a.ask<Sent>(argv, CLIENT)).toEqual({ errno: 0, got: 300 });
        expect(merged(await a.flows())).toMatchObject({
          identity: CLIENT,
          proto: UDP,
          port: 5300,
          rule: 3,
          verdict: "allowed",
          count: 1n,
          bytesOut: 300n,
          bytesIn: 300n,
        });
      },
    );

    test.each([true, false])("others are refused (connected: %s)", async (connected) => {
      await a.provision({ modeOut: "block", policies: [allow(dns)], subjects: subjects(CLIENT, OTHER) });
      await a.flows();
      const sent = await a.ask<Sent>(sendDatagram("10.77.0.2", 5300, { connected }), OTHER);
      expect(sent.errno).toBe(a.refusal);
      expect(merged(await a.flows())).toMatchObject({
        identity: OTHER,
        verdict: "blocked",
        state: "denied",
        proto: UDP,
      });
    });
  });
});

/** The one flow in there: counted when established, its bytes when closed. */
function merged(flows: readonly FlowRecord[]): FlowRecord {
  const [first] = flows;
  if (first === undefined) throw new Error("no flow was recorded");
  const sum = { ...first, count: 0n, bytesOut: 0n, bytesIn: 0n };
  for (const flow of flows) {
    const { count, bytesOut, bytesIn, firstNs: _first, lastNs: _last, ...key } = flow;
    expect(sum).toMatchObject(key);
    sum.count += count;
    sum.bytesOut += bytesOut;
    sum.bytesIn += bytesIn;
  }
  return sum;
}
