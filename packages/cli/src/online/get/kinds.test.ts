import type { flow, statusView, workloadView } from "@ringwall/protocol/rest";
import { afterEach, expect, it, vi } from "vitest";
import type { z } from "zod";
import type { Api } from "../../server/api.ts";
import { kind as audit } from "./audit.ts";
import { kind as flows } from "./flows.ts";
import { kind as hosts } from "./hosts.ts";
import type { Kind } from "./kind.ts";
import { kind as paths } from "./paths.ts";
import { kind as revisions } from "./revisions.ts";
import { kind as software } from "./software.ts";
import { kind as statuses } from "./status.ts";

const NOW = Date.parse("2026-11-20T10:00:00Z");
afterEach(() => vi.restoreAllMocks());

/** What is said to be left out of a controller's reply. */
async function leftOut(kind: Kind, reply: unknown): Promise<string | null> {
  const api = { get: async (_path: string, schema: z.ZodType) => schema.parse(reply) } as unknown as Api;
  return (await kind.ask(api, { limit: 1 })).leftOut;
}

/** What people would read of a controller's reply, which has to be one that its schema takes. */
async function printed(kind: Kind, reply: unknown): Promise<string> {
  let text = "";
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  const api = { get: async (_path: string, schema: z.ZodType) => schema.parse(reply) } as unknown as Api;
  const answer = await kind.ask(api, { limit: 10 });
  await answer.print(NOW);
  return text;
}

const modes = { inbound: null, outbound: null, processes: null };
const workload = (name: string, lacks: readonly string[]): z.input<typeof workloadView> => ({
  name,
  labels: {},
  addresses: [],
  management: "agent",
  segments: [],
  modes,
  agent: {
    connected: true,
    lastSeen: null,
    version: "1",
    generation: 1,
    generationWanted: 1,
    pausedUntil: null,
    problem: "",
    capability: "core",
    kernel: "5.10.0",
    features: lacks.map((feature) => ({
      name: feature,
      available: false,
      why: "no",
      means: `without ${feature}`,
    })),
    proof: name === "db-1" ? { generations: [6, 7], offered: "2026-11-20T09:00:00Z" } : null,
    flowsLost: 0,
  },
});

it("hosts are shown with their level, and what is missing is explained once", async () => {
  const bare = { ...workload("printer", []), management: "none" as const, agent: null };
  const workloads = [
    workload("db-1", ["refuse-exec"]),
    workload("web-1", ["refuse-exec", "reset-inbound"]),
    bare,
  ];
  const lines = (await printed(hosts, { workloads })).split("\n");
  expect(lines.find((line) => line.includes("db-1"))).toMatch(/core +5\.10\.0 +key 7 +refuse-exec/);
  expect(lines.find((line) => line.includes("web-1"))).toMatch(
    /core +5\.10\.0 +none +refuse-exec, reset-inbound/,
  );
  expect(lines.filter((line) => line.includes("is missing on"))).toEqual([
    "refuse-exec is missing on 2 hosts: without refuse-exec",
    "reset-inbound is missing on 1 host: without reset-inbound",
  ]);
  expect(lines.join()).not.toContain("printer");
});

it("a host's problem is shown with what to do about it, which has no room in the table", async () => {
  const one = workload("db-1", []);
  const problem =
    "warning[keys-awaited]: web-1 does not use newer proof keys, as this host is away: waiting since 2026-11-20 09:00 UTC, " +
    "until 2026-11-27 09:00 UTC at most\n  fix: start its agent; if the host is gone for good: `ringwall forget db-1`";
  const workloads = [{ ...one, agent: one.agent === null ? null : { ...one.agent, problem } }];
  const [, row, ...below] = (await printed(hosts, { workloads })).trimEnd().split("\n");
  expect(row).toMatch(/db-1 .*warning\[keys-awaited\]: web-1 does not use .* at most +0$/);
  expect(below.join("\n")).toBe(`db-1: ${problem}`);
});

it("the status counts hosts that hold up proof keys, and says where to look", async () => {
  const status: z.input<typeof statusView> = {
    version: "1",
    revision: 1,
    generation: 1,
    draftChanged: false,
    pending: null,
    agents: { connected: 2, enrolled: 3, behind: 0, awaited: 1 },
    flows: { stored: 0, lost: 0 },
    proposedAt: null,
    consoleUrl: "http://127.0.0.1:7480",
  };
  expect(await printed(statuses, status)).toContain(
    "2 of 3 enrolled agents connected, 1 holding up proof keys: `ringwall get hosts`\n",
  );
});

it("paths are shown with both ends' counts and since when proofs are stripped", async () => {
  const counts = { sent: 3, proved: 0, missing: 3, wrong: 1 };
  const path = {
    source: "a",
    destination: "b",
    state: "stripped",
    lastReport: "2026-11-20T10:00:00Z",
    ...counts,
  };
  const text = await printed(paths, { paths: [{ ...path, since: "2026-11-20T09:50:00Z" }] });
  expect(text).toMatch(/a +b +stripped +10 min ago +3 +0 +3 +1/);
});

it("the audit log says who did what", async () => {
  const entry = {
    time: "2026-11-20T09:59:00Z",
    actor: "operator",
    what: "label workload",
    details: { name: "x" },
  };
  expect(await printed(audit, { audit: [entry] })).toMatch(
    /1 min ago +operator +label workload +\{"name":"x"\}/,
  );
});

it("flows say how surely the peer was known", async () => {
  const end = { workload: "a", ip: "10.0.0.1" };
  const one: z.input<typeof flow> = {
    time: "2026-11-20T10:00:00Z",
    proto: "tcp",
    port: 443,
    verification: "in-band",
    verdict: "allowed",
    src: end,
    dst: { ...end, workload: "b" },
  };
  expect(await printed(flows, { flows: [one] })).toMatch(/in-band +allowed/);
});

it("a list that is not whole says so", async () => {
  const revision = (number: number) => ({
    ...{ revision: number, time: "2026-11-20T09:00:00Z", author: "a", note: "", state: "superseded" },
    ...{ segments: 0, rules: 0 },
  });
  expect(await leftOut(revisions, { revisions: [revision(9), revision(8)] })).toBe(
    "8 older revisions not shown",
  );
  expect(await leftOut(revisions, { revisions: [revision(1), revision(0)] })).toBe(null);
  expect(await leftOut(software, { software: [], truncated: true })).toMatch("there is more");
  expect(await leftOut(software, { software: [], truncated: false })).toBe(null);
});
