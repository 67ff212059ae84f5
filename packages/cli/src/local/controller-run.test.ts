import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { addressFile } from "../server/data-dir.ts";
import { childRunning, processesNaming } from "../testing/host.ts";
import { createCli, type Running, until } from "../testing/ringwall.ts";

const START_MS_MAX = 60_000;
const END_MS_MAX = 30_000;

let base: string;
let dataDir: string;
let running: Running | undefined;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "ringwall-run-"));
  dataDir = join(base, "data");
  // The private PostgreSQL runs as a user of its own, who has to get into its folder.
  execFileSync("chmod", ["755", base]);
});
afterEach(async () => {
  running?.process.kill("SIGINT");
  await running?.ended;
  rmSync(base, { recursive: true, force: true });
});

async function start(): Promise<Running> {
  const ports = ["--listen", "127.0.0.1:0", "--listen-agents", "127.0.0.1:0"];
  const started = createCli(dataDir).start("controller", "run", "--data", dataDir, ...ports);
  running = started;
  await until("the controller is ready", START_MS_MAX, () => {
    if (started.process.exitCode !== null) throw new Error(started.output().stderr);
    return existsSync(addressFile(dataDir)) || undefined;
  });
  return started;
}

it("a second Ctrl-C ends the controller at once, with its databases, and it starts again on them", async () => {
  const first = await start();
  // What the first Ctrl-C waits for, so that there is time for a second.
  process.kill(childRunning(first.process.pid ?? 0, "chdb-child.ts"), "SIGSTOP");
  first.process.kill("SIGINT");
  await until("the first is heard", END_MS_MAX, () => (existsSync(addressFile(dataDir)) ? undefined : true));
  expect(processesNaming(base)).toContainEqual(expect.stringContaining("postgres"));
  first.process.kill("SIGINT");
  expect((await first.ended).code).toBe(2);
  await until("nothing left", END_MS_MAX, () => (processesNaming(base).length === 0 ? true : undefined));

  const second = await start();
  second.process.kill("SIGINT");
  const { code, stderr } = await second.ended;
  running = undefined;
  expect([code, stderr]).toEqual([0, expect.stringContaining("ready")]);
});
