import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { EndVerdict, Verdict } from "@ringwall/model";
import { createDecider } from "@ringwall/policy";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCli } from "../testing/ringwall.ts";
import { networkObstacle, ProbeNetwork } from "./testing/probe-network.ts";
import { loadWorld } from "./world.ts";

const PORTS = [53, 80, 5432, 7000, 7005, 7006, 8080];
/** Host `n` has these; `outsider` is no workload. */
const HOSTS = { web: 1, db: 2, backup: 3, watcher: 4, outsider: 9 } as const;
type Host = keyof typeof HOSTS;
const NAMES: readonly Host[] = ["web", "db", "backup", "watcher", "outsider"];
const MANAGED = NAMES.filter((one) => one !== "outsider");
const v4 = (host: Host): string => `10.78.0.${HOSTS[host]}`;
const v6 = (host: Host): string => `fd78::${HOSTS[host]}`;

const workload = (host: Host): string => `apiVersion: ringwall.dev/v1
kind: Workload
metadata: { name: ${host}, labels: { role: ${host} } }
spec: { addresses: ["${v4(host)}", "${v6(host)}"], ports: [{ name: sql, proto: tcp, port: 5432 }] }
`;
const segment = (name: Host, modes: string): string => `apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: ${name} }
spec: { workloads: { role: ${name} }, ${modes} }
`;
/** Every mode, both directions, named ports, ranges, exceptions, denies above allows, an immediate deny without block. */
const RULES = `apiVersion: ringwall.dev/v1
kind: Policy
metadata: { name: shop }
spec:
  rules:
    - { name: read, allow: { from: { segment: web }, to: { segment: db }, ports: [tcp/sql] } }
    - { name: range, allow: { from: { segment: [web, backup] }, to: { segment: db }, ports: [tcp/7000-7005, udp/7005] } }
    - { name: not backup, deny: { from: { segment: backup }, to: { segment: db }, ports: [tcp/7005] } }
    - { name: page, allow: { to: { segment: web }, ports: [tcp/80] } }
    - { name: resolve, allow: { from: { segment: [web, db] }, to: { cidr: ["10.78.0.0/29", "fd78::/126"] }, ports: [udp/53, tcp/53] } }
    - { name: outside, allow: { from: { unmanaged: true }, to: { segment: db }, ports: [udp/8080] } }
    - { name: none to the watcher, deny: { from: { segment: web }, to: { segment: watcher }, ports: [tcp/8080, udp/8080] }, enforcement: immediate }
    - { name: dry, deny: { from: { segment: db }, to: { segment: watcher }, ports: [tcp/53] } }
`;
const POLICY = [
  ...MANAGED.map(workload),
  segment("web", "modes: { inbound: block, outbound: block }"),
  segment("db", "mode: block"),
  segment("backup", "modes: { inbound: observe, outbound: block }"),
  segment("watcher", "mode: alert"),
  RULES,
].join("---\n");

const obstacle = networkObstacle();

describe.skipIf(obstacle !== null)(
  `exported nftables rulesets on real hosts${obstacle === null ? "" : ` (skipped: ${obstacle})`}`,
  () => {
    const folder = mkdtempSync(path.join(tmpdir(), "ringwall-export-"));
    const policy = path.join(folder, "policy.yaml");
    const rulesets = path.join(folder, "rulesets");
    let network: ProbeNetwork | undefined;

    beforeAll(async () => {
      writeFileSync(policy, POLICY);
      const cli = createCli(folder);
      const exported = await cli.type("export", "nftables", "--policy", policy, "-o", rulesets);
      expect(exported.stderr).toBe("");
      expect(exported.code).toBe(0);
      network = new ProbeNetwork();
      for (const host of NAMES) await network.addHost(host, [`${v4(host)}/24`, `${v6(host)}/64`], PORTS);
    });
    afterAll(async () => {
      await network?.close();
      rmSync(folder, { recursive: true });
    });

    test("every host reaches every port of every other before they are loaded", () => {
      for (const { answers } of askAll(host(network)))
        expect(new Set(answers)).toEqual(new Set(["answered"]));
    });

    test("the report promises that every rule is exact", () => {
      const report = JSON.parse(readFileSync(path.join(rulesets, "fidelity.json"), "utf8"));
      expect(report.rules.map((one: { fidelity: string }) => one.fidelity)).toEqual(Array(8).fill("exact"));
    });

    // One end at a time, so that neither ruleset hides what the other one lacks.
    test.each(MANAGED)(
      "the ruleset of %s alone refuses over TCP and UDP what `decide` refuses at its end",
      async (own) => {
        const net = host(network);
        net.run(own, "nft", "-f", path.join(rulesets, `${own}.nft`));
        const seen = await compare(net, policy, ({ src, dst }, { outbound, inbound }) =>
          [src === own ? outbound : null, dst === own ? inbound : null].some((end) => isBlocked(end)),
        ).finally(() => net.run(own, "nft", "flush", "ruleset"));
        expect(seen.answered).toBeGreaterThan(100);
        expect(seen.refused).toBeGreaterThan(own === "watcher" ? 0 : 50);
      },
    );

    test("all rulesets together refuse over TCP and UDP what `decide` refuses, for every pair and port", async () => {
      const net = host(network);
      for (const one of MANAGED) net.run(one, "nft", "-f", path.join(rulesets, `${one}.nft`));
      const seen = await compare(net, policy, (_, { outcome }) => outcome === "blocked");
      expect(seen.answered).toBeGreaterThan(100);
      expect(seen.refused).toBeGreaterThan(100);
    });

    test("loading a ruleset again replaces it and leaves no second copy", () => {
      const net = host(network);
      const listed = () => net.run("db", "nft", "list", "ruleset");
      const before = listed();
      net.run("db", "nft", "-f", path.join(rulesets, "db.nft"));
      expect(listed()).toBe(before);
    });
  },
);

/** What a program is told of a packet that was rejected: ICMP's "prohibited", by family and protocol. */
const REFUSALS: ReadonlySet<string> = new Set(["EHOSTUNREACH", "EACCES", "EPERM"]);

function isBlocked(end: EndVerdict | null): boolean {
  return end?.outcome === "blocked";
}

/** Asks everything and holds it against the decider's verdicts; returns how many were which. */
async function compare(
  network: ProbeNetwork,
  policy: string,
  isRefused: (pair: { src: Host; dst: Host }, verdict: Verdict) => boolean,
) {
  const { set, inventory } = await loadWorld([policy], undefined);
  const decider = createDecider(set, inventory);
  const seen = { answered: 0, refused: 0 };
  for (const { src, dst, questions, answers } of askAll(network))
    for (const [i, { proto, port, address }] of questions.entries()) {
      const from = address.includes(":") ? v6(src) : v4(src);
      const verdict = decider.decide({ proto, port, src: { ip: from }, dst: { ip: address } });
      if (!verdict.ok) throw new Error(JSON.stringify(verdict.error));
      const expected = isRefused({ src, dst }, verdict.value) ? "refused" : "answered";
      const answer = answers[i] ?? "none";
      const met = REFUSALS.has(answer) ? "refused" : answer;
      expect(met, `${src} to ${dst}, ${proto}/${port} at ${address}: ${answer}`).toBe(expected);
      seen[expected]++;
    }
  return seen;
}

function host(network: ProbeNetwork | undefined): ProbeNetwork {
  if (network === undefined) throw new Error("bug: the network was made before");
  return network;
}

/** Every pair of hosts, every port, both protocols and families. */
function askAll(network: ProbeNetwork) {
  return NAMES.flatMap((src) => {
    const asked = NAMES.filter((dst) => dst !== src).map((dst) => ({
      src,
      dst,
      questions: PORTS.flatMap((port) =>
        (["tcp", "udp"] as const).flatMap((proto) =>
          [v4(dst), v6(dst)].map((address) => ({ proto, port, address })),
        ),
      ),
    }));
    const answers = network.ask(
      src,
      asked.flatMap(({ questions }) => questions),
    );
    let at = 0;
    return asked.map((one) => {
      const start = at;
      at += one.questions.length;
      return { ...one, answers: answers.slice(start, at) };
    });
  });
}
