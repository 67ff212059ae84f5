import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const main = path.resolve(import.meta.dirname, "../main.ts");
let folder = "";
const at = (name: string): string => path.join(folder, name);

function ringwall(...argv: readonly string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...argv], { encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

const end = (workload: string): object => {
  const role = workload.split("-")[0] ?? "";
  return { workload, exe: `/usr/bin/${role}d`, exeSha256: Buffer.from(role).toString("hex").padEnd(64, "0") };
};
const flow = (src: string, dst: string, port: number, day: number): string =>
  JSON.stringify({
    time: new Date(Date.UTC(2026, 10, 2 + day)).toISOString(),
    count: 20,
    proto: "tcp",
    port,
    src: end(src),
    dst: end(dst),
  });
const learn = (...more: readonly string[]): ReturnType<typeof ringwall> =>
  ringwall("learn", "--flows", at("flows.ndjson"), "-o", at("policy"), ...more);
const policy = (): string => readFileSync(at("policy/policies.yaml"), "utf8");
const rules = (): readonly { id: string; state: string; reason: string }[] =>
  ringwall("review", "--policy", at("policy"), "--json")
    .out.trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: string; state: string; reason: string });

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ringwall-review-"));
  const days = [0, 1, 2, 3, 4];
  const lines = days.flatMap((day) => [
    flow("web-1", "app-1", 8000, day),
    flow("web-2", "app-1", 8000, day),
    flow("app-1", "db-1", 5432, day),
  ]);
  writeFileSync(at("flows.ndjson"), `${lines.join("\n")}\n`);
  learn();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("lists what was proposed, with numbers to answer by", () => {
  const { out, code } = ringwall("review", "--policy", at("policy"));
  expect(code).toBe(0);
  expect(out).toMatch(/2 rules: 2 open, 0 accepted, 0 rejected/);
  expect(out).toMatch(/1 +open +app\/webd on web reaches appd on app/);
});

test("a rejected rule leaves the policy with its reason, and learning again does not bring it back", () => {
  const { code } = ringwall(
    "review",
    "--policy",
    at("policy"),
    "--accept",
    "1",
    "--reject",
    "2",
    "--reason",
    "not yet",
  );
  expect(code).toBe(0);
  expect(rules().map(({ state, reason }) => [state, reason])).toEqual([
    ["accepted", ""],
    ["rejected", "not yet"],
  ]);
  expect(policy()).not.toContain("5432");
  expect(ringwall("check", at("policy")).err).not.toContain("error");
  const again = learn();
  expect(again.out).toContain("a person rejected");
  expect(policy()).not.toContain("5432");
  expect(rules().map(({ state }) => state)).toEqual(["accepted"]);
});

test("when asked, it is proposed again", () => {
  learn("--ask-again");
  expect(policy()).toContain("5432");
  expect(rules().map(({ state }) => state)).toEqual(["accepted", "open"]);
});

test("a word that is taken back puts the rule back", () => {
  ringwall("review", "--policy", at("policy"), "--reject", "appd on app reaches dbd on db", "--reason", "x");
  expect(policy()).not.toContain("5432");
  ringwall("review", "--policy", at("policy"), "--reopen", "2");
  expect(policy()).toContain("5432");
});

test("a rule that is not there, and a rejection without a reason, are refused and change nothing", () => {
  const before = policy();
  const unknown = ringwall("review", "--policy", at("policy"), "--accept", "no such rule");
  expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("error[unknown-rule]")]);
  const bare = ringwall("review", "--policy", at("policy"), "--reject", "1");
  expect([bare.code, bare.err]).toEqual([2, expect.stringContaining("error[no-reason]")]);
  expect(ringwall("review", "--policy", folder).err).toContain("error[unreadable-input]");
  expect(policy()).toBe(before);
});

test("learning never replaces what people changed or added, and an update in place keeps it", () => {
  writeFileSync(at("policy/policies.yaml"), `# ours now\n${policy()}`);
  const changed = learn();
  expect([changed.code, changed.err]).toEqual([2, expect.stringContaining("error[changed-by-hand]")]);
  const more = `${readFileSync(at("flows.ndjson"), "utf8")}${[0, 1, 2, 3].map((day) => flow("app-1", "mail-1", 25, day)).join("\n")}\n`;
  writeFileSync(at("more.ndjson"), more);
  const inPlace = ["learn", "--update", at("policy"), "--flows", at("more.ndjson"), "-o", at("policy")];
  expect(ringwall(...inPlace).code).toBe(0);
  expect(policy()).toMatch(/^# ours now/);
  expect(readFileSync(at("policy/learned-1.yaml"), "utf8")).toContain("mail");
  expect(rules().map(({ id }) => id)).toEqual(["mail/appd on app reaches maild on mail"]);
  writeFileSync(at("policy/README.md"), "ours");
  expect(learn().err).toContain("error[folder-not-empty]");
  expect(readdirSync(folder).filter((name) => name.startsWith("policy"))).toEqual(["policy"]);
});

test("a run that is broken off leaves nothing half-written", async () => {
  const child = spawn(process.execPath, [main, "learn", "--flows", "-", "-o", at("broken")], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.stdin.on("error", () => undefined);
  const lines = readFileSync(at("flows.ndjson"), "utf8");
  // Once the pipe has drained, the command is at work on its input.
  if (!child.stdin.write(lines.repeat(200))) await once(child.stdin, "drain");
  child.kill("SIGINT");
  await once(child, "exit");
  expect(readdirSync(folder).filter((name) => name.startsWith("broken"))).toEqual([]);
});
