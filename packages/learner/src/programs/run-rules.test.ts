import type { ExecRecord } from "@ringwall/model";
import { describe, expect, test } from "vitest";
import { collectExecs, type Exec } from "../exec.ts";
import { edgesOfFlows } from "../input/edges-of-flows.ts";
import { learn } from "../learn.ts";
import type { LearnResult } from "../result.ts";
import { proposedRules, rejectionOf } from "../review/rejection.ts";
import { digest, host, shop, shopFlows } from "../testing/records.ts";
import { update } from "../update/update.ts";

const signed = { evidence: "deb-repo" as const };
const postgres = { exe: "/usr/lib/postgresql/15/bin/postgres", exeSha256: digest(4) };
const cron = { exe: "/usr/sbin/cron", exeSha256: digest(20), package: "cron", ...signed };
const dump = { exe: "/opt/dump/run", exeSha256: digest(21) };
const implant = { exe: "/tmp/.x/y", exeSha256: digest(22) };
const netcat = { exe: "/usr/bin/nc", exeSha256: digest(23), package: "netcat", ...signed };
const bash = { exe: "/usr/bin/bash", exeSha256: digest(24), package: "bash", ...signed };

function execs(started: readonly (readonly [string, ExecRecord["exec"], number?])[]): readonly Exec[] {
  const collector = collectExecs();
  for (const [workload, exec, days = 1] of started) {
    for (let day = 0; day < days; day++)
      collector.add({ time: new Date(Date.UTC(2026, 10, 2 + day)).toISOString(), workload, exec });
  }
  return collector.execs();
}

function learnedWith(
  started: readonly Exec[],
  rejected: Parameters<typeof learn>[0]["rejected"] = [],
): LearnResult {
  return learn({
    edges: edgesOfFlows(shopFlows(10), shop),
    inventory: shop,
    execs: started,
    tightness: 0.5,
    seed: 1,
    taken: [],
    rejected,
  });
}

function mayRun({
  resources,
}: {
  readonly resources: LearnResult["resources"];
}): Record<string, readonly string[]> {
  const rules = resources.flatMap((one) => (one.kind === "Policy" ? one.spec.rules : []));
  return Object.fromEntries(
    rules.flatMap((rule) => ("run" in rule ? [[String(rule.run.segment), [rule.run.software].flat()]] : [])),
  );
}

describe("what may run", () => {
  test("without exec records nothing is said of it, and processes are not governed", () => {
    const { resources } = learnedWith([]);
    expect(mayRun({ resources })).toEqual({});
    expect(JSON.stringify(resources)).not.toContain("processes");
  });

  test("is what was started there; governing processes is left to people", () => {
    const { resources, report } = learnedWith(
      execs([
        ["db", postgres],
        ["db", cron],
        ["db", bash],
      ]),
    );
    expect(mayRun({ resources })).toEqual({ db: ["bash", "cron", "postgres"] });
    expect(JSON.stringify(resources)).not.toContain("processes");
    expect(report.notes.join()).toContain("what may run is proposed for `db`, and does nothing yet");
    const rule = report.rules.find((one) => one.rule === "what may run on db");
    expect(rule).toMatchObject({ policy: "db", overPermission: 1, evidence: { edges: 3 } });
  });

  test("leaves out what lies where anybody may write, a tool that one host used once, and a stranger among replicas", () => {
    const started = execs([
      ["db", postgres],
      ["db", implant, 5],
      ["db", netcat],
      ["web-1", cron],
      ["web-2", cron],
      ["web-1", dump],
    ]);
    const result = learnedWith(started);
    expect(mayRun(result)).toEqual({ db: ["postgres"], web: ["cron"] });
    const words = result.report.setAside
      .filter(({ edge }) => edge.port === "run")
      .map(({ reason }) => reason);
    expect(words).toEqual(["dual-use-software", "low-trust-software", "no-peer-support"]);
  });

  test("what nearly all segments run is told once", () => {
    const hosts = ["web-1", "web-2", "app-1", "app-2", "db"];
    const started = execs([...hosts.map((name) => [name, cron] as const), ["db", postgres] as const]);
    expect(mayRun(learnedWith(started))).toEqual({ "app,db,web": ["cron"], db: ["postgres"] });
  });

  test("many programs of one signed package are told as the package", () => {
    const tools = ["ls", "cp", "mv"].map((tool, n) => ({
      exe: `/usr/bin/${tool}`,
      exeSha256: digest(30 + n),
      package: "coreutils",
      ...signed,
    }));
    const result = learnedWith(execs([["db", postgres], ...tools.map((tool) => ["db", tool] as const)]));
    expect(mayRun(result)).toEqual({ db: ["package-coreutils", "postgres"] });
    const document = result.resources.find(({ metadata }) => metadata.name === "package-coreutils");
    expect(document).toMatchObject({ spec: { anyOf: [{ executable: { package: "coreutils" } }] } });
  });

  test("a rejected list is not proposed again", () => {
    const started = execs([
      ["db", postgres],
      ["db", cron],
    ]);
    const { resources } = learnedWith(started);
    const offered = proposedRules(resources).get("db/what may run on db");
    if (offered === undefined) throw new Error("bug: the rule is there");
    const rejection = rejectionOf(offered.policy, offered.rule, resources, "the database team keeps its own");
    const again = learnedWith(started, [rejection]);
    expect(mayRun(again)).toEqual({});
    expect(again.report.setAside.map(({ words }) => words).join()).toContain(
      "the database team keeps its own",
    );
  });

  test("an update proposes only what the rules do not let run", () => {
    const { resources } = learnedWith(
      execs([
        ["db", postgres],
        ["db", cron],
      ]),
    );
    const inventory = [...shop, host("spare", "10.0.9.9")];
    const result = update({
      resources,
      edges: edgesOfFlows(shopFlows(3), inventory),
      inventory,
      execs: execs([
        ["db", postgres],
        ["db", bash],
        ["web-1", cron],
        ["web-2", cron],
      ]),
      tightness: 0.5,
      seed: 1,
    });
    expect(mayRun({ resources: result?.added ?? [] })).toEqual({ db: ["bash"], web: ["cron"] });
    expect(result?.report.notes.join()).toContain("what may run is proposed for `db`, `web`");
  });
});
