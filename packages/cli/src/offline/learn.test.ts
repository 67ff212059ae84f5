import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const main = path.resolve(import.meta.dirname, "../main.ts");
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ringwall-learn-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => path.join(folder, name);

function ringwall(...argv: readonly string[]): { code: number; out: string; err: string } {
  try {
    const out = execFileSync(process.execPath, [main, ...argv], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { code: 0, out, err: "" };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { code: status, out: stdout, err: stderr };
  }
}

const digest = (n: number): string => n.toString(16).padStart(64, "0");
const nginx = { exe: "/usr/sbin/nginx", exeSha256: digest(1), package: "nginx", evidence: "deb-repo" };
const postgres = { exe: "/usr/lib/postgresql/15/bin/postgres", exeSha256: digest(2) };

function writeFlows(name: string, sources: readonly string[], port = 5432): string {
  const lines = sources.flatMap((workload) =>
    Array.from({ length: 5 }, (_, day) =>
      JSON.stringify({
        time: new Date(Date.UTC(2026, 10, 2 + day)).toISOString(),
        count: 20,
        proto: "tcp",
        port,
        state: "established",
        src: { workload, ip: `10.0.0.${workload.length + Number(workload.at(-1))}`, ...nginx },
        dst: { workload: "db", ip: "10.0.1.1", ...postgres },
      }),
    ),
  );
  writeFileSync(at(name), `${lines.join("\n")}\n`);
  return at(name);
}

function writeInventory(names: readonly string[]): string {
  const documents = names.map(
    (name, index) =>
      `apiVersion: ringwall.dev/v1\nkind: Workload\nmetadata: { name: ${name} }\nspec: { addresses: [10.0.2.${index + 1}] }\n`,
  );
  writeFileSync(at("hosts.yaml"), documents.join("---\n"));
  return at("hosts.yaml");
}

describe("learn on files", () => {
  test("writes a policy that the other commands read, and drift finds nothing in its own flows", () => {
    const flows = writeFlows("flows.ndjson", ["web-1", "web-2"]);
    const inventory = writeInventory(["web-1", "web-2", "db"]);
    expect(ringwall("learn", "--flows", flows, "--inventory", inventory, "-o", at("policy")).code).toBe(0);
    const report: unknown = JSON.parse(readFileSync(at("policy/report.json"), "utf8"));
    expect(report).toMatchObject({
      segments: [
        { name: "db", members: ["db"] },
        { name: "web", members: ["web-1", "web-2"] },
      ],
    });
    expect(readFileSync(at("policy/policies.yaml"), "utf8")).toMatch(/# 2 edges, 200 connections on 5 days/);
    const drifted = ringwall("drift", "--policy", at("policy"), "--flows", flows, "--inventory", inventory);
    expect(drifted.out).toContain("0 are not");
    expect(drifted.code).toBe(0);
  });

  test("without an inventory it writes the workloads that the flows name", () => {
    const flows = writeFlows("flows.ndjson", ["web-1", "web-2"]);
    expect(ringwall("learn", "--flows", flows, "-o", at("policy")).code).toBe(0);
    expect(readFileSync(at("policy/workloads.yaml"), "utf8")).toContain("name: web-2");
    expect(ringwall("drift", "--policy", at("policy"), "--flows", flows).code).toBe(0);
  });

  test("the same input gives the same bytes", () => {
    const flows = writeFlows("flows.ndjson", ["web-1", "web-2"]);
    for (const name of ["one", "two"]) ringwall("learn", "--flows", flows, "-o", at(name), "--seed", "7");
    for (const file of ["policies.yaml", "segments.yaml", "software.yaml", "report.json", "report.md"]) {
      expect(readFileSync(at(`one/${file}`), "utf8")).toBe(readFileSync(at(`two/${file}`), "utf8"));
    }
  });

  test("update adds a new replica to its segment and leaves people's words alone", () => {
    const flows = writeFlows("flows.ndjson", ["web-1", "web-2"]);
    ringwall(
      "learn",
      "--flows",
      flows,
      "--inventory",
      writeInventory(["web-1", "web-2", "db"]),
      "-o",
      at("policy"),
    );
    const segments = at("policy/segments.yaml");
    writeFileSync(segments, `# reviewed by the shop's team\n${readFileSync(segments, "utf8")}`);
    const inventory = writeInventory(["web-1", "web-2", "web-3", "db"]);
    const more = [writeFlows("more.ndjson", ["web-3"]), writeFlows("again.ndjson", ["web-3"], 5432)];
    const noted = ringwall(
      "drift",
      "--policy",
      at("policy"),
      "--flows",
      ...more,
      "--inventory",
      inventory,
      "--json",
    );
    expect(noted.code).toBe(1);
    const result = ringwall(
      "learn",
      "--update",
      at("policy"),
      "--flows",
      flows,
      ...more,
      "--inventory",
      inventory,
      "-o",
      at("next"),
    );
    expect(result.err).toBe("");
    expect(readFileSync(at("next/segments.yaml"), "utf8")).toContain("# reviewed by the shop's team");
  });

  test("a bad line is named with its number, and nothing is written", () => {
    const flows = writeFlows("flows.ndjson", ["web-1"]);
    writeFileSync(flows, `${readFileSync(flows, "utf8")}{"time":"yesterday"}\nnonsense\n`);
    const { code, err } = ringwall("learn", "--flows", flows, "-o", at("policy"));
    expect(code).toBe(2);
    expect(err).toContain("flows.ndjson:6:9");
    expect(err).toContain("flows.ndjson:7:1");
    expect(existsSync(at("policy"))).toBe(false);
    expect(ringwall("learn", "--flows", flows, "-o", at("policy"), "--keep-going").code).toBe(0);
  });

  test("an empty window is answered with no, and a folder of other files is not overwritten", () => {
    writeFileSync(at("empty.ndjson"), "");
    const { code, out } = ringwall("learn", "--flows", at("empty.ndjson"), "-o", at("policy"));
    expect(code).toBe(1);
    expect(out).toContain("the window is empty");
    const refused = ringwall("learn", "--flows", at("empty.ndjson"), "-o", folder);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("holds other files");
    expect(ringwall("learn", "--flows", at("missing.ndjson"), "-o", at("x")).code).toBe(2);
  });
});
