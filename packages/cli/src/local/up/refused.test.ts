import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createHost, type TestHost } from "../../testing/host.ts";
import { type Cli, createCli } from "../../testing/ringwall.ts";

let host: TestHost;
let cli: Cli;
beforeEach(() => {
  host = createHost();
  cli = createCli(host.dataDir);
});
afterEach(() => host.remove());

it("a port in use is named with the remedy, and nothing is left running", async () => {
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, "127.0.0.1", done));
  const { port } = taken.address() as AddressInfo;
  const ended = await cli.type(
    "up",
    "--no-agent",
    "--listen",
    `127.0.0.1:${port}`,
    "--listen-agents",
    "127.0.0.1:0",
  );
  taken.close();
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain(`127.0.0.1:${port}`);
  expect(ended.stderr).toMatch(/\n {2}fix: /);
  expect(ended.stderr).not.toMatch(/\n\s+at /);
  expect(host.leftovers()).toEqual([]);
});

it("a password in the arguments is refused before anything starts", async () => {
  for (const url of [
    "postgres://me:secret@localhost/x",
    "postgres://me:secret@/x?host=/run",
    "postgres://localhost/x?password=secret",
  ]) {
    const ended = await cli.type("controller", "run", "--database-url", url);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain("RINGWALL_DATABASE_URL");
    expect(ended.stderr).not.toMatch(/secret\b(?!-in)/);
  }
});

it("a database's address that is no URL is refused in one line, wherever it comes from", async () => {
  for (const args of [
    ["controller", "run"],
    ["up", "--no-agent"],
  ]) {
    const ended = await cli.type(...args, "--database-url", "x");
    expect([ended.code, ended.stderr]).toEqual([
      2,
      expect.stringMatching(/error\[bad-url\]: .*`postgres:\/\/user@host:5432\/name`\n {2}fix: .*\n$/),
    ]);
    expect(ended.stderr).not.toContain("Invalid URL");
  }
});

it("commands without a controller say where they looked", async () => {
  const ended = await cli.type("status");
  expect(ended).toMatchObject({ code: 2, stdout: "" });
  expect(ended.stderr).toContain(`${host.dataDir}/operator.token`);
});
