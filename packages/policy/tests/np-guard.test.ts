import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Attempt, type Outcome, parseAddress, parseV4, type Verdict } from "@ringwall/model";
import { describe, expect, it, vi } from "vitest";
import { createDecider, importKubernetes, inventoryOf, type PolicySet, policySetOf } from "../src/index.ts";
import { hasOutsideData, outsideData } from "./outside-data.ts";

// A shared machine may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

/** Lines `SRC => DST : CONNECTIONS`; an end is `NS/NAME[KIND]` or `FIRST-LAST[External]`. */
type Line = {
  readonly src: string;
  readonly dst: string;
  readonly connections: string;
  readonly srcRange: Range | null;
  readonly dstRange: Range | null;
};
type Range = { readonly first: number; readonly last: number };
type Proto = "tcp" | "udp" | "sctp";
type Probe = { readonly proto: Proto; readonly port: number };

const folder = join(outsideData, "kubernetes-networkpolicy/np-guard");
const cases = hasOutsideData ? readdirSync(folder) : [];

describe.skipIf(!hasOutsideData)("np-guard cases (needs the outside cases)", () => {
  it.each(cases)(
    "%s has exactly the expected connections",
    (name) => {
      const input = join(folder, name, "input");
      const files = readdirSync(input).map((file) => ({
        file,
        text: readFileSync(join(input, file), "utf8"),
      }));
      const imported = importKubernetes(files);
      if (!imported.ok) throw new Error(JSON.stringify(imported.error));
      const expected = readFileSync(join(folder, name, "expected_connlist.txt"), "utf8")
        .trim()
        .split("\n")
        .map(parseLine);
      expect(differences(policySetOf(imported.value), expected).slice(0, 10)).toEqual([]);
    },
    60_000,
  );
});

/** Every pair of ends that anything is said of, on every port at which something could change. */
function differences(set: PolicySet, expected: readonly Line[]): readonly string[] {
  const inventory = inventoryOf(set.workloads);
  if (!inventory.ok) throw new Error(JSON.stringify(inventory.error));
  const decider = createDecider(set, inventory.value, { nearest: false });
  const names = set.workloads.map((one) => one.metadata.name);
  const linesOf = indexed(expected);
  const externals = externalEdges(set, expected);
  const probes = portsToTry(set, expected);
  const wrong: string[] = [];
  const compare = (src: string, dst: string, ports: readonly Probe[]) => {
    const lines = linesOf(src, dst);
    const ends = { src: endOf(src), dst: endOf(dst) };
    for (const { proto, port } of ports) {
      const verdict = decider.decide({ proto, port, ...ends });
      if (!verdict.ok) throw new Error(JSON.stringify(verdict.error));
      const wanted = lines.some((line) => holds(line.connections, proto, port));
      if ((outcomeOf(verdict.value, src, dst) === "allowed") !== wanted)
        wrong.push(`${src} => ${dst} ${proto}/${port}: expected ${wanted}`);
    }
  };
  // One case has 1,277 ranges: their edges are all tried, on all ports every so many.
  const step = Math.ceil(externals.length / EXTERNALS_MAX);
  const portsOf = (i: number) => (i % step === 0 ? probes : probes.slice(0, 2));
  for (const src of names) for (const dst of names) if (src !== dst) compare(src, dst, probes);
  for (const name of names)
    externals.forEach((ip, i) => {
      compare(name, ip, portsOf(i));
      compare(ip, name, portsOf(i));
    });
  return wrong;
}

function endOf(name: string): Attempt["src"] {
  return parseAddress(name) === null ? { workload: name } : { ip: name };
}

/** A loopback address is the pod itself, which these cases don't list: then only the direction they speak of counts. */
function outcomeOf({ outcome, inbound, outbound }: Verdict, src: string, dst: string): Outcome | undefined {
  if (src.startsWith("127.")) return inbound?.outcome;
  return dst.startsWith("127.") ? outbound?.outcome : outcome;
}

/** Ends of all ranges that the expectation or the policy tells apart, but for addresses that pods have. */
function externalEdges(set: PolicySet, expected: readonly Line[]): readonly string[] {
  const edges = new Set(["8.8.8.8", "0.0.0.0", "255.255.255.254"]);
  for (const end of expected.flatMap((line) => [line.src, line.dst]))
    for (const edge of /^([\d.]+)-([\d.]+)\[External\]/.exec(end)?.slice(1) ?? []) edges.add(edge);
  const pods = new Set(set.workloads.flatMap((one) => one.spec.addresses));
  return [...edges].filter((edge) => !pods.has(edge));
}

function portsToTry(set: PolicySet, expected: readonly Line[]): readonly Probe[] {
  const numbers = new Set([1, 1000, 65535]);
  const specs = JSON.stringify(set.policies).matchAll(/"(?:tcp|udp|sctp)\/(\d+)(?:-(\d+))?"/g);
  const named = JSON.stringify(set.workloads).matchAll(/"port":(\d+)/g);
  const listed = expected.flatMap((line) => [...line.connections.matchAll(/\b(\d{1,5})\b/g)]);
  for (const [, ...edges] of [...specs, ...named, ...listed])
    for (const edge of edges.filter((one) => one !== undefined).map(Number))
      for (const port of [edge - 1, edge, edge + 1]) if (port > 0 && port < 65536) numbers.add(port);
  return (["tcp", "udp", "sctp"] as const).flatMap((proto) => [...numbers].map((port) => ({ proto, port })));
}

/** Lines by their ends; those with a range of addresses by the other end alone. */
function indexed(expected: readonly Line[]): (src: string, dst: string) => readonly Line[] {
  const byEnds = Map.groupBy(expected, ({ src, dst }) => `${keyOf(src)} => ${keyOf(dst)}`);
  return (src, dst) => {
    const key = [src, dst].map((end) => (parseAddress(end) === null ? end : EXTERNAL)).join(" => ");
    const [from, to] = [parseV4(src), parseV4(dst)];
    return (byEnds.get(key) ?? []).filter(
      (line) => inRange(line.srcRange, from) && inRange(line.dstRange, to),
    );
  };
}

/** So many ends are tried on every port. */
const EXTERNALS_MAX = 60;
const EXTERNAL = "external";

function keyOf(end: string): string {
  return end.endsWith("[External]") ? EXTERNAL : end.replace(/\[.*$/, "");
}

function inRange(range: Range | null, address: number | null): boolean {
  return range === null || (address !== null && range.first <= address && address <= range.last);
}

function holds(connections: string, proto: Proto, port: number): boolean {
  if (connections === "All Connections") return true;
  // "SCTP 1-65535,TCP 10053-10054,80": ports after a protocol belong to it.
  let current = "";
  return connections.split(",").some((part) => {
    const [, named, from, to] = /^(?:(TCP|UDP|SCTP) )?(\d+)(?:-(\d+))?$/.exec(part.trim()) ?? [];
    current = named ?? current;
    return current.toLowerCase() === proto && port >= Number(from) && port <= Number(to ?? from);
  });
}

function parseLine(line: string): Line {
  const [, src = "", dst = "", connections = ""] = /^(.*) => (.*) : (.*)$/.exec(line) ?? [];
  return { src, dst, connections, srcRange: rangeOf(src), dstRange: rangeOf(dst) };
}

function rangeOf(end: string): Range | null {
  const [first, last] = end.endsWith("[External]") ? end.replace("[External]", "").split("-") : [];
  return first === undefined || last === undefined
    ? null
    : { first: parseV4(first) ?? 0, last: parseV4(last) ?? 0 };
}
