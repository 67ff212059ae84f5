// The controller's part in the proof of software: numbers, public keys, revocation, paths.
import { randomBytes } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { formatAddress } from "@ringwall/model";
import { ProofPath, type ProofState } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AgentClient, enrollAgent, listen } from "../testing/test-agent.ts";
import { createTestToken, startTestController, type TestController } from "../testing/test-controller.ts";

let controller: TestController;
beforeAll(async () => {
  controller = await startTestController();
  // The hosts of each test belong together by their addresses; the last test is about those that do not.
  const rules = [0, 1, 2, 3, 4].map(
    (net) => `    - name: net ${net}
      allow: { from: { cidr: 10.7.${net}.0/24 }, to: { cidr: 10.7.${net}.0/24, segment: hosts }, ports: [tcp/7] }
`,
  );
  await provision(`${HOSTS}${POLICY}${rules.join("")}`);
});
afterAll(() => controller.remove());

const HOSTS = `apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: hosts }
spec: { workloads: {}, mode: observe }
---
`;
const POLICY = `apiVersion: ringwall.dev/v1
kind: Policy
metadata: { name: nets }
spec:
  rules:
`;

async function provision(text: string): Promise<void> {
  await controller.client.PUT("/api/v1/draft", { body: { files: [{ file: "nets.yaml", text }] } });
  const { error } = await controller.client.POST("/api/v1/provision", { body: {} });
  if (error !== undefined) throw new Error(JSON.stringify(error));
  await controller.client.POST("/api/v1/confirm");
}

async function enrolled(workload: string, ...addresses: string[]): Promise<AgentClient> {
  const token = await createTestToken(controller, { workload });
  return (await enrollAgent(controller.agentsUrl, token, workload, { addresses })).client;
}

const key = (generation: number) => ({ generation, publicKey: new Uint8Array(randomBytes(32)) });
const hashed = (exe: string) => ({ exe, exeSha256: "a".repeat(64), user: "root" });

/** A state as a test reads it: per peer its addresses, key generations and path. */
function readable({ peers, removed, complete }: ProofState) {
  const told = peers.map((peer) => [
    peer.workload,
    peer.addresses.map((bytes) => formatAddress(BigInt(`0x${Buffer.from(bytes).toString("hex")}`))).join(),
    peer.keys.map((one) => one.generation).join(),
    ProofPath[peer.path],
  ]);
  return { complete, removed, told };
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "not refused",
    (error: unknown) => `${Code[ConnectError.from(error).code]}: ${ConnectError.from(error).rawMessage}`,
  );
}

it("gives the same factors the same number, whoever asks, and for good", async () => {
  const [a, b] = [await enrolled("num-a"), await enrolled("num-b")];
  const processes = [hashed("/usr/bin/a"), hashed("/usr/bin/b"), { ...hashed("/usr/bin/a"), user: "crm" }];
  const first = (await a.numberIdentities({ workload: "num-a", processes })).numbers;
  expect(new Set(first).size).toBe(3);
  expect(Math.min(...first)).toBeGreaterThan(0);
  const more = [hashed("/usr/bin/b"), hashed("/usr/bin/c"), hashed("/usr/bin/a")];
  const second = (await b.numberIdentities({ workload: "num-b", processes: more })).numbers;
  expect(second).toEqual([first[1], Math.max(...first) + 1, first[0]]);
  const unknown = 123_456;
  const fetched = await b.fetchProof({ workload: "num-b", version: 0n, numbers: [first[2] ?? 0, unknown] });
  expect(fetched.complete).toBe(true);
  expect(fetched.identities.find((one) => one.number === first[2])?.process).toMatchObject({ user: "crm" });
  expect(fetched.unassigned).toEqual([unknown]);
  // A version of its own: only what is new since comes.
  await a.numberIdentities({ workload: "num-a", processes: [hashed("/usr/bin/d")] });
  const later = await b.fetchProof({ workload: "num-b", version: fetched.version });
  expect([later.complete, later.identities.map((one) => one.process?.exe)]).toEqual([false, ["/usr/bin/d"]]);
  expect(later.run).toBe(fetched.run);
  controller = await controller.restart();
  const again = (await b.numberIdentities({ workload: "num-b", processes })).numbers;
  expect(again).toEqual(first);
  const fresh = await b.fetchProof({ workload: "num-b", version: later.version });
  expect([fresh.complete, fresh.version > later.version]).toEqual([true, true]);
  expect((fresh.run ?? 0n) > (later.run ?? 0n)).toBe(true);
});

it("gives out numbers once, however many hosts ask for the same at once", async () => {
  const names = ["race-1", "race-2", "race-3", "race-4"];
  const agents = await Promise.all(names.map((name) => enrolled(name)));
  const processes = Array.from({ length: 50 }, (_, index) => hashed(`/opt/race/${index}`));
  const replies = await Promise.all(
    agents.map((agent, index) => agent.numberIdentities({ workload: names[index] ?? "", processes })),
  );
  for (const { numbers } of replies) expect(numbers).toEqual(replies[0]?.numbers);
  expect(new Set(replies[0]?.numbers).size).toBe(50);
});

it("distributes public keys and their rotation, and tells who listens", async () => {
  const [a, b] = [
    await enrolled("key-a", "10.7.0.1", "10.7.0.9"),
    await enrolled("key-b", "10.7.0.2", "10.7.0.9"),
  ];
  const heard = listen(b, "key-b");
  await heard.until(() => heard.proofs.length > 0);
  const before = await b.fetchProof({ workload: "key-b", version: 0n });
  const [first, second] = [key(1), key(2)];
  await a.offerProofKey({ workload: "key-a", keys: [first], mutePorts: [22] });
  await heard.until(() => (heard.proofs.at(-1) ?? 0n) > before.version);
  const since = (version: bigint) => b.fetchProof({ workload: "key-b", version });
  const one = await since(before.version);
  // An address that both report is neither's.
  expect(readable(one)).toEqual({
    complete: false,
    removed: [],
    told: [["key-a", "10.7.0.1", "1", "EXPECTED"]],
  });
  expect([Buffer.from(one.peers[0]?.keys[0]?.publicKey ?? []), one.peers[0]?.mutePorts]).toEqual([
    Buffer.from(first.publicKey),
    [22],
  ]);
  await a.offerProofKey({ workload: "key-a", keys: [first], mutePorts: [22] });
  expect(readable(await since(one.version)).told).toEqual([]);
  await a.offerProofKey({ workload: "key-a", keys: [first, second] });
  const two = await since(one.version);
  expect(readable(two).told).toEqual([["key-a", "10.7.0.1", "1,2", "EXPECTED"]]);
  await a.reportStatus({ workload: "key-a", addresses: ["10.7.0.5"] });
  const three = await since(two.version);
  expect(readable(three).told).toEqual([["key-a", "10.7.0.5", "1,2", "EXPECTED"]]);
  // Nobody is a peer of itself; the key of another is not repeated to who has it.
  expect(readable(await a.fetchProof({ workload: "key-a", version: three.version })).told).toEqual([]);
  await a.offerProofKey({ workload: "key-a", keys: [] });
  expect(readable(await since(three.version))).toMatchObject({ told: [], removed: ["key-a"] });
  heard.stop();
});

it("tells a host that its key may be used once all related hosts go on by it, by their own word", async () => {
  const a = await enrolled("use-a", "10.7.4.1");
  const b = await enrolled("use-b", "10.7.4.2");
  const c = await enrolled("use-c", "10.7.4.3");
  const fetched = (client: AgentClient, workload: string) => client.fetchProof({ workload, version: 0n });
  const heard = async () => (await fetched(a, "use-a")).heardGeneration;
  await a.offerProofKey({ workload: "use-a", keys: [key(1)] });
  await b.offerProofKey({ workload: "use-b", keys: [key(1)] });
  await c.offerProofKey({ workload: "use-c", keys: [key(1)] });
  expect(await heard()).toBe(0);
  await fetched(b, "use-b");
  await fetched(c, "use-c");
  expect(await heard()).toBe(1);
  const listening = listen(a, "use-a");
  await listening.until(() => listening.proofs.length > 0);
  await a.offerProofKey({ workload: "use-a", keys: [key(1), key(2)] });
  const old = (await fetched(c, "use-c")).version - 1n;
  await fetched(b, "use-b");
  // Its disk is full: after a restart it would not know the key any more.
  await c.reportProofs({ workload: "use-c", version: old });
  expect(await heard()).toBe(1);
  await fetched(c, "use-c");
  const { version, heardGeneration } = await fetched(a, "use-a");
  expect(heardGeneration).toBe(1);
  const told = listening.proofs.length;
  await c.reportProofs({ workload: "use-c", version });
  await listening.until(() => listening.proofs.length > told);
  expect(await heard()).toBe(2);
  // Who has no keys any more checks nothing.
  await a.offerProofKey({ workload: "use-a", keys: [key(2), key(3)] });
  await fetched(b, "use-b");
  expect(await heard()).toBe(2);
  await c.offerProofKey({ workload: "use-c", keys: [] });
  expect(await heard()).toBe(3);
  listening.stop();
});

it("refuses key offers that can't be right, by name, and keeps what it has", async () => {
  const a = await enrolled("bad-a", "10.7.1.1");
  await a.offerProofKey({ workload: "bad-a", keys: [key(4), key(5)] });
  const offers: [object[], string][] = [
    [[key(6), key(7), key(8)], "more than 2 keys"],
    [[{ generation: 6, publicKey: new Uint8Array(31) }], "has not 32 bytes"],
    [[{ generation: 6, publicKey: new Uint8Array(32) }], "zero point"],
    [[key(0)], "generation"],
    [[key(7), key(6)], "neighbouring generations"],
    [[key(3)], "key 3 is behind key 5"],
  ];
  for (const [keys, why] of offers) {
    expect(await refusalOf(a.offerProofKey({ workload: "bad-a", keys }))).toContain(why);
  }
  const other = await enrolled("bad-b", "10.7.1.2");
  const offer = other.offerProofKey({ workload: "bad-a", keys: [key(9)] });
  expect(await refusalOf(offer)).toContain("PermissionDenied");
  const state = readable(await other.fetchProof({ workload: "bad-b", version: 0n }));
  expect(state.told).toContainEqual(["bad-a", "10.7.1.1", "4,5", "EXPECTED"]);
});

it("revokes a forgotten host at once, over a restart, until its name or its address is somebody's again", async () => {
  const [a, b] = [await enrolled("gone-a", "10.7.2.1", "10.7.2.2"), await enrolled("gone-b", "10.7.2.3")];
  await a.offerProofKey({ workload: "gone-a", keys: [key(1)] });
  const heard = listen(b, "gone-b");
  const state = await b.fetchProof({ workload: "gone-b", version: 0n });
  await heard.until(() => heard.proofs.includes(state.version));
  await controller.client.DELETE("/api/v1/workloads/{name}", { params: { path: { name: "gone-a" } } });
  await heard.until(() => (heard.proofs.at(-1) ?? 0n) > state.version);
  const mine = (one: ProofState) => readable(one).told.filter(([name]) => name === "gone-a");
  const revoked = [["gone-a", "10.7.2.1,10.7.2.2", "", "REVOKED"]];
  expect(mine(await b.fetchProof({ workload: "gone-b", version: state.version }))).toEqual(revoked);
  expect(await refusalOf(a.offerProofKey({ workload: "gone-a", keys: [key(2)] }))).toContain(
    "Unauthenticated",
  );
  heard.stop();
  controller = await controller.restart();
  const after = await b.fetchProof({ workload: "gone-b", version: 0n });
  expect(mine(after)).toEqual(revoked);
  await enrolled("heir", "10.7.2.2");
  const later = await b.fetchProof({ workload: "gone-b", version: after.version });
  expect(mine(later)).toEqual([["gone-a", "10.7.2.1", "", "REVOKED"]]);
  await enrolled("gone-a", "10.7.2.1");
  const last = await b.fetchProof({ workload: "gone-b", version: later.version });
  expect([mine(last), last.removed]).toEqual([[], ["gone-a"]]);
});

it("marks a path stripped by both agents' reports, tells and shows it, and takes it back at the first proof", async () => {
  const [a, b] = [await enrolled("strip-a", "10.7.3.1"), await enrolled("strip-b", "10.7.3.2")];
  for (const [agent, workload] of [
    [a, "strip-a"],
    [b, "strip-b"],
  ] as const)
    await agent.offerProofKey({ workload, keys: [key(1)] });
  const pathOf = async () => {
    const { peers } = await b.fetchProof({ workload: "strip-b", version: 0n });
    return ProofPath[peers.find((one) => one.workload === "strip-a")?.path ?? 0];
  };
  const shown = async () => {
    const { data } = await controller.client.GET("/api/v1/paths");
    return data?.paths.filter((one) => one.source === "strip-a");
  };
  await a.reportProofs({ workload: "strip-a", counts: [{ peer: "strip-b", sent: 2n }] });
  expect(await pathOf()).toBe("EXPECTED");
  await b.reportProofs({
    workload: "strip-b",
    counts: [
      { peer: "strip-a", missing: 2n },
      { peer: "nobody", missing: 1n },
    ],
  });
  expect(await pathOf()).toBe("STRIPPED");
  expect(await shown()).toMatchObject([
    { destination: "strip-b", state: "stripped", sent: 2, proved: 0, missing: 2, wrong: 0 },
  ]);
  const { data } = await controller.client.GET("/api/v1/alerts");
  expect(data?.alerts.filter((one) => one.kind === "path-stripped")).toMatchObject([
    { workload: "strip-b", message: expect.stringMatching(/`strip-a`.*`strip-b`/) },
  ]);
  controller = await controller.restart();
  expect(await pathOf()).toBe("STRIPPED");
  await b.reportProofs({ workload: "strip-b", counts: [{ peer: "strip-a", proved: 1n }] });
  expect(await pathOf()).toBe("EXPECTED");
  expect(await shown()).toMatchObject([{ state: "expected" }]);
});

it("tells of proofs in datagrams where a host has them, and marks their paths apart from those of TCP", async () => {
  const [a, b] = [await enrolled("udp-a", "10.7.2.11"), await enrolled("udp-b", "10.7.2.12")];
  const peerOf = async () =>
    (await b.fetchProof({ workload: "udp-b", version: 0n })).peers.find((peer) => peer.workload === "udp-a");
  await a.offerProofKey({ workload: "udp-a", keys: [key(1)] });
  await b.offerProofKey({ workload: "udp-b", keys: [key(1)], datagrams: true });
  expect(await peerOf()).toMatchObject({ datagramPath: ProofPath.UNSPECIFIED });
  await a.offerProofKey({ workload: "udp-a", keys: [key(2)], datagrams: true });
  expect(await peerOf()).toMatchObject({ datagramPath: ProofPath.EXPECTED });
  const datagrams = true;
  await a.reportProofs({ workload: "udp-a", counts: [{ peer: "udp-b", sent: 2n, datagrams }] });
  await b.reportProofs({ workload: "udp-b", counts: [{ peer: "udp-a", missing: 2n, datagrams }] });
  const stripped = { path: ProofPath.EXPECTED, datagramPath: ProofPath.STRIPPED };
  expect(await peerOf()).toMatchObject(stripped);
  controller = await controller.restart();
  expect(await peerOf()).toMatchObject(stripped);
  const { data } = await controller.client.GET("/api/v1/paths");
  expect(data?.paths.filter((one) => one.source === "udp-a" && one.state === "stripped")).toMatchObject([
    { destination: "udp-b", proto: "udp" },
  ]);
});

it("has a pair leave addresses out where all proofs that arrive are wrong for a while, over a restart", async () => {
  const [a, b] = [await enrolled("nat-a", "10.7.3.11"), await enrolled("nat-b", "10.7.3.12")];
  await a.offerProofKey({ workload: "nat-a", keys: [key(1)] });
  await b.offerProofKey({ workload: "nat-b", keys: [key(1)] });
  const changesOf = async () => {
    const { peers } = await b.fetchProof({ workload: "nat-b", version: 0n });
    const found = peers.find((peer) => peer.workload === "nat-a");
    return [found?.changesAddresses, found?.changesPorts];
  };
  expect(await changesOf()).toEqual([false, false]);
  const wrong = async () => {
    await a.reportProofs({ workload: "nat-a", counts: [{ peer: "nat-b", sent: 1n }] });
    await b.reportProofs({ workload: "nat-b", counts: [{ peer: "nat-a", wrong: 1n }] });
    return changesOf();
  };
  await expect.poll(wrong, { timeout: 60_000, interval: 2000 }).toEqual([true, false]);
  await b.reportProofs({ workload: "nat-b", counts: [{ peer: "nat-a", proved: 1n }] });
  controller = await controller.restart();
  expect(await changesOf()).toEqual([true, false]);
});

it("compiles a host that brings its keys for what peers prove, from its first policy on", async () => {
  const required = `    - name: proved
      allow: { from: { cidr: 10.9.0.1/32 }, to: { cidr: 10.9.0.2/32 }, ports: [tcp/7], verified: required }
`;
  const bring = async (name: string, address: string) => {
    const token = await createTestToken(controller, { workload: name });
    const more = { addresses: [address], proofKeys: [key(1)] };
    return (await enrollAgent(controller.agentsUrl, token, name, more)).client;
  };
  await bring("first-a", "10.9.0.1");
  await provision(`${HOSTS}${POLICY}${required}`);
  const b = await bring("first-b", "10.9.0.2");
  const { peers } = await b.fetchProof({ workload: "first-b", version: 0n });
  expect(peers.map((peer) => peer.workload)).toContain("first-a");
  const heard = listen(b, "first-b");
  await heard.until(() => heard.policies.length > 0);
  const proved = heard.policies[0]?.policy.rules.filter((rule) => rule.verifiedRequired === true);
  expect(proved?.map((rule) => rule.name)).toEqual(["nets/proved"]);
  heard.stop();
});

describe("the directory", () => {
  const addressOf = (last: number) => `10.8.0.${last}`;
  const names = ["dir-web", "dir-app", "dir-other"] as const;
  let agents: Record<(typeof names)[number], AgentClient>;
  const peersOf = async (name: (typeof names)[number], version = 0n) => {
    const state = await agents[name].fetchProof({ workload: name, version });
    const mine = state.peers.map((peer) => peer.workload).filter((one) => one.startsWith("dir-"));
    return { mine: mine.sort(), state };
  };
  const rule = (from: number, to: number) =>
    `    - name: ${from} to ${to}
      allow: { from: { cidr: ${addressOf(from)}/32 }, to: { segment: hosts, cidr: ${addressOf(to)}/32 }, ports: [tcp/7] }
`;

  beforeAll(async () => {
    const made = await Promise.all(names.map((name, index) => enrolled(name, addressOf(index + 1))));
    agents = Object.fromEntries(names.map((name, index) => [name, made[index]])) as typeof agents;
    for (const name of names) await agents[name].offerProofKey({ workload: name, keys: [key(1)] });
  });

  it("gives a host the keys of no host that its policy does not speak of, and that it does not talk with", async () => {
    for (const name of names) expect((await peersOf(name)).mine).toEqual([]);
  });

  it("gives both ends each other's key before either gets the policy that asks for it", async () => {
    const heard = names.slice(0, 2).map((name) => listen(agents[name], name));
    for (const one of heard) await one.until(() => one.policies.length > 0);
    const before = await Promise.all(names.map((name) => peersOf(name)));
    const told = heard.map((one) => one.policies.length);
    await provision(`${HOSTS}${POLICY}${rule(1, 2)}`);
    // Neither agent fetched: the policy came after the wait for it.
    for (const [index, one] of heard.entries())
      await one.until(() => one.policies.length > (told[index] ?? 0));
    const version = (index: number) => before[index]?.state.version ?? 0n;
    expect((await peersOf("dir-web", version(0))).mine).toEqual(["dir-app"]);
    expect((await peersOf("dir-app", version(1))).mine).toEqual(["dir-web"]);
    expect((await peersOf("dir-other", version(2))).mine).toEqual([]);
    for (const one of heard) one.stop();
  });

  it("keeps what the former policy spoke of until the host has settled, and names nobody to a stranger", async () => {
    await provision(`${HOSTS}${POLICY}${rule(1, 3)}`);
    expect((await peersOf("dir-web")).mine).toEqual(["dir-app", "dir-other"]);
    for (const name of names) {
      const heard = listen(agents[name], name);
      await heard.until(() => heard.policies.length > 0);
      const generation = BigInt(heard.policies.at(-1)?.generation ?? 0);
      await agents[name].reportStatus({
        workload: name,
        addresses: [addressOf(names.indexOf(name) + 1)],
        generation,
      });
      heard.stop();
    }
    expect((await peersOf("dir-web")).mine).toEqual(["dir-other"]);
    expect((await peersOf("dir-app")).mine).toEqual([]);
    const { state } = await peersOf("dir-app");
    await agents["dir-web"].offerProofKey({ workload: "dir-web", keys: [key(1), key(2)] });
    const later = await peersOf("dir-app", state.version);
    expect([later.mine, later.state.removed]).toEqual([[], []]);
  });
});
