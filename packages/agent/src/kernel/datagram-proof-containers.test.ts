/** The proof behind the datagrams of containers: between two hosts, one of which routes for two of them, and on one host. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { remote } from "./generated/layout.ts";
import { type Running, TestHost, wire } from "./testing/host.ts";
import { address, allow, deny, subjects, UDP } from "./testing/policies.ts";
import { echoDatagrams, sendDatagram } from "./testing/programs.ts";
import { datagramCountsOf, newPair, stateOf, turnOn } from "./testing/proofs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const [CLIENT, OTHER, SERVER] = [11, 12, 21];
const RIGHT = remote.first;
const WRONG = remote.first + 1;
const REMOTES = [
  { number: 1000 + CLIENT, remote: RIGHT },
  { number: 1000 + SERVER, remote: RIGHT },
  { number: 1000 + OTHER, remote: WRONG },
];
const PORT = 9300;
/** Where its host's port is another's: the container without a network namespace of its own. */
const SHARED_PORT = 9301;
const HOST = ["10.77.0.1", "fd77::1"];
const PEER = ["10.77.0.2", "fd77::2"];
const ONE_PROOF = { sent: 1, proved: 1, missing: 0, wrong: 0 };
const NOTHING = { sent: 0, proved: 0, missing: 0, wrong: 0 };

interface Sent {
  readonly errno: number;
  readonly got: number;
}

/** A container of a host that routes for it, in a control group and, with a number, a network of its own. */
class Container {
  readonly cgroup: string;
  readonly name: string;
  readonly addresses: readonly string[];

  constructor(host: TestHost, net: number | null) {
    this.cgroup = `${host.cgroup}/docker-${randomBytes(32).toString("hex")}.scope`;
    mkdirSync(this.cgroup);
    this.name = net === null ? host.name : `rwct${randomBytes(3).toString("hex")}`;
    this.addresses = net === null ? HOST : [`10.79.${net}.2`, `fd7${net}::2`];
    if (net === null) return;
    const ip = (...args: string[]) => execFileSync("ip", args);
    ip("netns", "add", this.name);
    ip(
      "-n",
      host.name,
      "link",
      "add",
      `ct${net}`,
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      this.name,
    );
    for (const [netns, device, last] of [
      [host.name, `ct${net}`, 1],
      [this.name, "eth0", 2],
    ] as const) {
      ip("-n", netns, "addr", "add", `10.79.${net}.${last}/24`, "dev", device);
      ip("-n", netns, "addr", "add", `fd7${net}::${last}/64`, "dev", device, "nodad");
      ip("-n", netns, "link", "set", device, "up");
    }
    ip("-n", this.name, "route", "add", "default", "via", `10.79.${net}.1`);
    ip("-n", this.name, "-6", "route", "add", "default", "via", `fd7${net}::1`);
  }

  get cgroupId(): bigint {
    return statSync(this.cgroup, { bigint: true }).ino;
  }

  async close(): Promise<void> {
    for (let i = 0; i < 100 && readFileSync(`${this.cgroup}/cgroup.procs`, "utf8") !== ""; i++)
      await sleep(20);
    rmdirSync(this.cgroup);
    if (this.addresses !== HOST) execFileSync("ip", ["netns", "delete", this.name]);
  }
}

/** Only the right software where it could be proved; where it could not, whoever has the address, unless it is required. */
function onlyRight(direction: "in" | "out", subject: number, required: boolean) {
  const own = { direction, subject, peer: 0, proto: UDP, rule: 7 } as const;
  return [
    required ? deny({ ...own, rule: 0 }) : allow(own),
    ...(direction === "out" ? [allow({ ...own, remote: remote.provisional })] : []),
    allow({ ...own, remote: RIGHT }),
    deny({ ...own, remote: WRONG, rule: 0 }),
    deny({ ...own, remote: remote.unknown, rule: 0 }),
  ];
}

describe.skipIf(whyNoKernelTests("datagram-proof-containers.test.ts"))(
  "the proof behind a container's datagram",
  () => {
    let a: TestHost;
    let b: TestHost;
    let client: Container;
    let server: Container;
    let sharing: Container;
    let all: readonly Container[];
    const inContainers: Running[] = [];

    beforeAll(async () => {
      a = new TestHost("a");
      b = new TestHost("b");
      wire(a, b, "--prove-datagrams");
      execFileSync("nsenter", [
        `--net=/run/netns/${a.name}`,
        "sysctl",
        "-qw",
        "net.ipv4.ip_forward=1",
        "net.ipv6.conf.all.forwarding=1",
      ]);
      client = new Container(a, 1);
      server = new Container(a, 2);
      sharing = new Container(a, null);
      all = [client, server, sharing];
      b.ip("route", "add", "10.79.0.0/16", "via", "10.77.0.1");
      for (const net of [1, 2]) b.ip("-6", "route", "add", `fd7${net}::/64`, "via", "fd77::1");
      const { carrying } = a.kernel;
      carrying.begin();
      for (const [i, one] of all.entries()) {
        carrying.assign(one.cgroupId, i + 1);
        carrying.settle(i + 1);
        if (one === sharing) continue;
        for (const text of one.addresses) carrying.setAddress(address(text), one.cgroupId);
      }
      // All of its devices, the containers' ends at the host too.
      a.attachDevices("--prove-datagrams");
      for (const one of [client, server]) a.attachDevicesIn(one.name, "--prove-datagrams");
      for (const host of [a, b]) {
        turnOn(host);
        for (const identity of [CLIENT, OTHER, SERVER])
          host.kernel.proof.setNumber(identity, 1000 + identity);
      }
      for (const text of server.addresses)
        inContainers.push(await a.start(echoDatagrams(text, PORT), SERVER, undefined, server));
      for (const text of HOST)
        inContainers.push(await a.start(echoDatagrams(text, SHARED_PORT), SERVER, undefined, sharing));
      for (const text of PEER) await b.start(echoDatagrams(text, PORT), SERVER);
    });
    afterAll(async () => {
      for (const one of inContainers) await one.stop();
      for (const one of all) await one.close();
      await a.close();
      await b.close();
    });

    const provision = async ({ required = false } = {}) => {
      const contents = {
        modeOut: "block",
        modeIn: "block",
        policies: [
          ...[CLIENT, OTHER].flatMap((one) => onlyRight("out", one, required)),
          ...onlyRight("in", SERVER, required),
        ],
        subjects: subjects(CLIENT, OTHER, SERVER),
        remotes: REMOTES,
      } as const;
      // The host itself is in no segment: what it carries has policies of its own.
      await a.provision({});
      for (const i of all.keys()) await a.provision(contents, a.kernel.carrying.workload(i + 1));
      await b.provision(contents);
    };

    beforeEach(async () => {
      for (const host of [a, b])
        for (const peer of host.kernel.proof.peers()) host.kernel.proof.deletePeer(peer);
      const { toA, toB } = newPair();
      const proved = { datagramPath: "expected" } as const;
      for (const text of PEER) a.kernel.proof.setPeer(address(text), stateOf(toB, toA, "expected", proved));
      for (const text of [...HOST, ...client.addresses, ...server.addresses])
        b.kernel.proof.setPeer(address(text), stateOf(toA, toB, "expected", proved));
      // As the agent writes a host that is a peer of itself: where its containers are.
      const own = newPair().toA;
      for (const text of [...client.addresses, ...server.addresses])
        a.kernel.proof.setPeer(address(text), stateOf(own, own, "local", { datagramPath: "local" }));
      await provision();
      for (const host of [a, b]) {
        await host.flows();
        host.events.length = 0;
      }
    });

    const ask = (from: TestHost, to: string, identity = CLIENT, place?: Container, port = PORT) =>
      from.ask<Sent>(sendDatagram(to, port, { answer: true }), identity, place);
    const RIGHTLY = { errno: 0, got: 10 };
    const seen = async (host: TestHost, direction: "in" | "out") => [
      ...new Set(
        (await host.flows())
          .filter((flow) => flow.direction === direction)
          .map(({ verdict, level }) => `${verdict} ${level}`),
      ),
    ];

    describe.each([
      ["IPv4", 0],
      ["IPv6", 1],
    ] as const)("over %s", (_, i) => {
      const [peer = "", onServer = () => ""] = [PEER[i], () => server.addresses[i] ?? ""];

      test("to another host is checked at both ends", async () => {
        expect(await ask(a, peer, CLIENT, client)).toEqual(RIGHTLY);
        expect([datagramCountsOf(a), datagramCountsOf(b)]).toEqual([ONE_PROOF, ONE_PROOF]);
        expect(await seen(b, "in")).toEqual(["allowed inBand"]);
        // The flow begins before its answer says who it is.
        expect(new Set(await seen(a, "out"))).toEqual(new Set(["allowed address", "allowed inBand"]));
      });

      test("from another host is checked at both ends", async () => {
        expect(await ask(b, onServer())).toEqual(RIGHTLY);
        expect([datagramCountsOf(a), datagramCountsOf(b)]).toEqual([ONE_PROOF, ONE_PROOF]);
        expect(await seen(a, "in")).toEqual(["allowed inBand"]);
      });

      test("to another container of the host is checked at both ends", async () => {
        expect(await ask(a, onServer(), CLIENT, client)).toEqual(RIGHTLY);
        expect(datagramCountsOf(a)).toEqual({ sent: 2, proved: 2, missing: 0, wrong: 0 });
        expect(await seen(a, "in")).toEqual(["allowed inBand"]);
      });

      test("of other software is refused by the other host, the container, and another container", async () => {
        expect((await ask(a, peer, OTHER, client)).errno).not.toBe(0);
        expect(await seen(b, "in")).toEqual(["blocked inBand"]);
        expect((await ask(b, onServer(), OTHER)).errno).not.toBe(0);
        expect(await seen(a, "in")).toEqual(["blocked inBand"]);
        expect((await ask(a, onServer(), OTHER, client)).errno).not.toBe(0);
        expect(await seen(a, "in")).toEqual(["blocked inBand"]);
      });
    });

    test("is there where it is required", async () => {
      await provision({ required: true });
      expect(await ask(a, PEER[0] ?? "", CLIENT, client)).toEqual(RIGHTLY);
      expect(await ask(b, server.addresses[0] ?? "")).toEqual(RIGHTLY);
      expect(await ask(a, server.addresses[0] ?? "", CLIENT, client)).toEqual(RIGHTLY);
    });

    test("is made and checked where the container shares its host's network", async () => {
      expect(await ask(a, PEER[0] ?? "", CLIENT, sharing)).toEqual(RIGHTLY);
      expect(await seen(b, "in")).toEqual(["allowed inBand"]);
      expect(await ask(b, HOST[0] ?? "", CLIENT, undefined, SHARED_PORT)).toEqual(RIGHTLY);
      expect(await seen(a, "in")).toEqual(["allowed inBand"]);
    });

    describe("between containers of one host, and missing there", () => {
      const outside = () =>
        JSON.parse(
          execFileSync(
            "nsenter",
            [
              `--net=/run/netns/${client.name}`,
              ...sendDatagram(server.addresses[0] ?? "", PORT, { answer: true }),
            ],
            {
              input: "\n",
            },
          ).toString(),
        ) as Sent;

      test("counts by its address, since a service's address hides where it goes", async () => {
        expect(outside()).toEqual(RIGHTLY);
        expect(await seen(a, "in")).toEqual(["allowed address"]);
      });

      test("is refused where a proof is required", async () => {
        await provision({ required: true });
        expect(outside().errno).not.toBe(0);
      });
    });

    test("is not asked of a container by its own host, which has no address that proves anything there", async () => {
      await a.provision({
        modeOut: "block",
        policies: onlyRight("out", CLIENT, false),
        subjects: subjects(CLIENT),
        remotes: REMOTES,
      });
      expect(await ask(a, server.addresses[0] ?? "")).toEqual(RIGHTLY);
      expect(await seen(a, "in")).toEqual(["allowed address"]);
    });

    test("from another host has its number asked for where the container's policy does not know it", async () => {
      await a.provision(
        {
          modeIn: "block",
          policies: onlyRight("in", SERVER, false),
          subjects: subjects(SERVER),
          remotes: REMOTES.filter(({ number }) => number !== 1000 + CLIENT),
        },
        a.kernel.carrying.workload(2),
      );
      expect((await ask(b, server.addresses[0] ?? "")).errno).not.toBe(0);
      await expect
        .poll(() => a.events, { timeout: 10_000 })
        .toContainEqual(expect.objectContaining({ type: "proof", fault: "number" }));
    });

    test("is right behind its host's masquerade where the pair leaves addresses and ports out", async () => {
      const nft = (rules: string) =>
        execFileSync("nsenter", [`--net=/run/netns/${a.name}`, "nft", "-f", "-"], { input: rules });
      const { toA, toB } = newPair();
      const changed = { datagramPath: "expected", changes: { addresses: true, ports: true } } as const;
      const [outside = "", peer = ""] = [HOST[0], PEER[0]];
      for (const text of client.addresses) b.kernel.proof.deletePeer(address(text));
      a.kernel.proof.setPeer(address(peer), stateOf(toB, toA, "expected", changed));
      b.kernel.proof.setPeer(address(outside), stateOf(toA, toB, "expected", changed));
      nft(
        'table ip way { chain out { type nat hook postrouting priority 100; oifname "wire0" masquerade random; }; }',
      );
      try {
        expect(await ask(a, peer, CLIENT, client)).toEqual(RIGHTLY);
        expect(await seen(b, "in")).toEqual(["allowed inBand"]);
        expect(await seen(a, "out")).toContain("allowed inBand");
      } finally {
        nft("flush ruleset");
      }
    });

    test("is not asked for where the host has not opted in", async () => {
      for (const peer of a.kernel.proof.peers()) a.kernel.proof.deletePeer(peer);
      for (const peer of b.kernel.proof.peers()) b.kernel.proof.deletePeer(peer);
      const { toA, toB } = newPair();
      for (const text of PEER) a.kernel.proof.setPeer(address(text), stateOf(toB, toA, "expected"));
      for (const text of client.addresses)
        b.kernel.proof.setPeer(address(text), stateOf(toA, toB, "expected"));
      expect(await ask(a, PEER[0] ?? "", OTHER, client)).toEqual(RIGHTLY);
      expect(await seen(b, "in")).toEqual(["allowed address"]);
      expect([datagramCountsOf(a), datagramCountsOf(b)]).toEqual([NOTHING, NOTHING]);
    });
  },
);
