// What goes on where the log, which is standard error, is on a full disk.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addressFile } from "../server/data-dir.ts";
import { createFullDisk, type FullDisk } from "../testing/full-disk.ts";
import { CHECKOUT, type Cli, createCli, type Running, until } from "../testing/ringwall.ts";

const START_MS_MAX = 60_000;
/** Argument: the file that standard error is. */
const WITH_LOG = 'exec "$@" 2>>"$0"';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "ringwall-full-"));
  // The private PostgreSQL runs as a user of its own, who has to get into its folder.
  execFileSync("chmod", ["755", base]);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const loggingTo = (file: string): Cli =>
  createCli(join(base, "data"), ["sh", "-c", WITH_LOG, file, join(CHECKOUT, "bin/ringwall")]);

it("a command that can't say what went wrong ends as it would", async () => {
  expect((await loggingTo("/dev/full").type("status")).code).toBe(2);
});

describe.skipIf(process.geteuid?.() !== 0)("while the log's disk is full", () => {
  let disk: FullDisk;
  let log: string;
  let running: Running | undefined;
  beforeEach(() => {
    disk = createFullDisk(base);
    disk.fill();
    log = join(disk.path, "log");
  });
  afterEach(async () => {
    running?.process.kill("SIGINT");
    await running?.ended;
    disk.remove();
  });

  it("the controller starts and answers, and its log is there once there is room", async () => {
    const cli = loggingTo(log);
    const ports = ["--listen", "127.0.0.1:0", "--listen-agents", "127.0.0.1:0"];
    running = cli.start("controller", "run", ...ports);
    await until(
      "the controller is ready",
      START_MS_MAX,
      () => existsSync(addressFile(join(base, "data"))) || undefined,
    );
    expect(await createCli(join(base, "data")).ask("get", "hosts")).toEqual([]);
    expect(readFileSync(log, "utf8")).toBe("");
    disk.makeRoom();
    await expect.poll(() => readFileSync(log, "utf8")).toMatch(/^\{.*the controller is ready"\}\n/m);
  });

  it("the agent goes on trying to enrol, and its log is there once there is room", async () => {
    let calls = 0;
    const controller = createServer((socket) => {
      calls++;
      socket.destroy();
    });
    await new Promise<void>((done) => controller.listen(0, "127.0.0.1", done));
    const { port } = controller.address() as AddressInfo;
    const token = join(base, "token");
    const text = JSON.stringify({ c: `https://127.0.0.1:${port}`, f: "0".repeat(64), t: "secret" });
    writeFileSync(token, `rw1.${Buffer.from(text).toString("base64url")}`);
    const places = ["--state", join(base, "state"), "--pin", join(base, "pins")];
    running = loggingTo(log).start("agent", "run", ...places, "--token-file", token);
    await expect.poll(() => calls).toBeGreaterThan(2);
    expect(readFileSync(log, "utf8")).toBe("");
    disk.makeRoom();
    await expect.poll(() => readFileSync(log, "utf8")).toMatch(/^\{.*waiting to enrol.*\}\n/);
    controller.close();
  });
});
