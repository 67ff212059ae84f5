import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createCli, printed } from "../../testing/ringwall.ts";

/** `nobody` where the tests run as root; else whoever runs them, who is not root. */
const NOBODY = 65_534;
const uid = process.geteuid?.() === 0 ? NOBODY : undefined;
const START_MS_MAX = 60_000;

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "ringwall-plain-"));
  chmodSync(base, 0o777);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

it("without root up says what it can't do, runs the rest, and ends with Ctrl-C", async () => {
  const cli = createCli(join(base, "data"), uid);
  const running = cli.start("up", "--listen", "127.0.0.1:0", "--listen-agents", "127.0.0.1:0");
  await printed(running, /sign-in\?token=\S+[\s\S]*Next/, START_MS_MAX);
  expect(running.output().stdout).toContain("only root may load programs into the kernel");
  expect(await cli.ask("status")).toMatchObject([{ agents: { enrolled: 0 }, revision: 0 }]);
  running.process.kill("SIGINT");
  expect(await running.ended).toMatchObject({ code: 0 });
});
