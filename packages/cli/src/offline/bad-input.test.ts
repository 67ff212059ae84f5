import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCli } from "../testing/ringwall.ts";

const WORKLOADS = ["a", "b"].map(
  (name, i) => `apiVersion: ringwall.dev/v1
kind: Workload
metadata: { name: ${name} }
spec: { addresses: [10.0.0.${i + 1}] }
`,
);
const FLOW =
  '{"time":"2026-11-20T10:00:00Z","proto":"tcp","port":80,"src":{"workload":"a"},"dst":{"workload":"b"}}\n';

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ringwall-input-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Buffer): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** What a wrong call says: exit code 2, and what to do about it. */
async function refused(...args: string[]): Promise<string> {
  const { code, stderr } = await createCli(folder).type(...args);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/\n {2}fix: /)]);
  expect(stderr).not.toMatch(/error\[bug\]|\n\s+at /);
  return stderr;
}

test("an output that is a file is named, by every command that writes a folder", async () => {
  const policy = write("policy.yaml", WORKLOADS.join("---\n"));
  const flows = write("flows.ndjson", FLOW);
  const taken = write("taken", "mine");
  for (const args of [
    ["learn", "--flows", flows],
    ["export", "kubernetes", "--policy", policy],
  ]) {
    expect(await refused(...args, "-o", taken)).toContain(`cannot write into \`${taken}\`: it is a file`);
  }
});

test("a policy that is no UTF-8 text is refused as a whole", async () => {
  const file = write("utf16.yaml", Buffer.from(`\ufeff${WORKLOADS[0]}`, "utf16le"));
  expect(await refused("check", file)).toContain(`\`${file}\` is not UTF-8 text`);
});

test("a byte order mark, as editors on Windows write it, does no harm to policy or records", async () => {
  const policy = write("policy.yaml", `\ufeff${WORKLOADS.join("---\n")}`);
  const flows = write("flows.ndjson", `\ufeff${FLOW}`);
  const decided = await createCli(folder).type("decide", "--policy", policy, "--attempts", flows);
  expect([decided.code, decided.stderr]).toEqual([0, ""]);
});

test("a workload that the inventory describes again is told with both places", async () => {
  const policy = write("policy.yaml", WORKLOADS.join("---\n"));
  const inventory = write("hosts.yaml", `${WORKLOADS[1]}`);
  const told = await refused("check", policy, "--inventory", inventory);
  expect(told).toMatch(
    /policy\.yaml:8:19: error\[duplicate-workload\]|hosts\.yaml:3:19: error\[duplicate-workload\]/,
  );
  expect(told).toMatch(/the first stands in .*\.yaml:\d/);
});

test("an end that is neither an address nor a known name is told as that, and not taken for a DNS name", async () => {
  const named = write("named.yaml", WORKLOADS.join("---\n").replace("name: b", "name: b.1"));
  const explain = (from: string, to: string) =>
    ["explain", "--policy", named, "--from", from, "--to", to, "--port", "tcp/80"] as const;
  for (const broken of ["1.2.3", "10.0.0.256", "10.0.0.0/8", "10.0.0.1:80", "[::1]", "fe80::zz", "x..y"])
    for (const [option, call] of [
      ["--from", explain(broken, "a")],
      ["--to", explain("a", broken)],
    ] as const)
      expect(await refused(...call)).toContain(
        `\`${option}\`: \`${broken}\` is neither an address nor the name of`,
      );
  expect(await refused(...explain("www.example.com", "a"))).toContain("nor the name of a workload");
  expect(await refused(...explain("nobody", "a"))).toContain("no workload is named `nobody`");
  for (const to of ["b.1", "www.example.com", "10.9.9.9"])
    expect(await createCli(folder).type(...explain("a", to))).toMatchObject({ code: 0, stderr: "" });
});

test("a file without a document is told by name, on standard error, and changes no exit code", async () => {
  const policy = write("policy.yaml", WORKLOADS.join("---\n"));
  const cli = createCli(folder);
  for (const [name, text] of [
    ["nothing.yaml", ""],
    ["blank.yaml", "\ufeff \r\n\n"],
    ["comments.yaml", "# one\n  # two\n"],
  ] as const) {
    const file = write(name, text);
    for (const call of [
      [file],
      [policy, file],
      [policy, "--inventory", file],
      ["--strict", "--json", file],
    ]) {
      const { code, stderr } = await cli.type("check", ...call);
      expect([call, code, stderr]).toEqual([
        call,
        0,
        `no document in \`${file}\`: it is empty, or holds only comments\n`,
      ]);
    }
  }
  expect(await cli.type("check", policy)).toMatchObject({ code: 0, stderr: "" });
});

test("manifests of which nothing can be imported are no success", async () => {
  const policy = write("policy.yaml", WORKLOADS.join("---\n"));
  expect(await refused("import", "kubernetes", policy, "-o", "-")).toContain("nothing-to-import");
});

test("a call that is wrong says where the right one is described", async () => {
  expect(await refused("check", "--nosuch")).toMatch(
    /unknown option '--nosuch'\n {2}fix: `\S*ringwall check --help`/,
  );
  expect(await refused("agent", "pause", "--for", "x")).toMatch(
    /\n {2}fix: `\S*ringwall agent pause --help`/,
  );
  expect(await refused("chek")).toMatch(/Did you mean check\?\)\n {2}fix: `\S*ringwall --help`/);
});
