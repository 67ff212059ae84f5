import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, expect, it, onTestFinished } from "vitest";
import { createFullDisk } from "../testing/full-disk.ts";
import { createLogLines, type LogLines } from "./log-lines.ts";

/** More than what waits at most. */
const MANY = 15_000;
const TIME = 1_800_000_000_000;
const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringwall-log-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const logTo = (open: () => number) => createLogLines(open, () => TIME);

function writeMany(log: LogLines): void {
  for (let number = 0; number < MANY; number++)
    log.write(`${JSON.stringify({ number, text: "x".repeat(100) })}\n`);
}

/** How many lines are told as lost, once every line is whole and in its place, or told as lost there. */
function lostOf(text: string): number | undefined {
  if (!text.endsWith("\n")) return undefined;
  let next = 0;
  let sum = 0;
  for (const line of text.trimEnd().split("\n")) {
    const { number, lost } = JSON.parse(line);
    if (lost === undefined) expect(number).toBe(next++);
    else {
      expect(JSON.parse(line)).toMatchObject({
        level: 40,
        time: TIME,
        msg: expect.stringMatching(`: ${lost}$`),
      });
      next += lost;
      sum += lost;
    }
  }
  return next === MANY ? sum : undefined;
}

/** What comes out of a pipe until all lines are accounted for. */
async function readAll(reader: number): Promise<number> {
  const chunk = Buffer.alloc(65_536);
  let text = "";
  for (;;) {
    try {
      text += chunk.toString("utf8", 0, readSync(reader, chunk));
    } catch {
      const lost = lostOf(text);
      if (lost !== undefined) return lost;
      await setTimeout(10);
    }
  }
}

it.skipIf(process.geteuid?.() !== 0)(
  "on a full disk lines are lost, and counted in their place once there is room",
  async () => {
    const disk = createFullDisk(folder);
    try {
      const file = join(disk.path, "log");
      const log = logTo(() => openSync(file, "a"));
      log.write("");
      disk.fill();
      writeMany(log);
      disk.makeRoom();
      await expect.poll(() => lostOf(readFileSync(file, "utf8"))).toBeGreaterThan(0);
    } finally {
      disk.remove();
    }
  },
);

it("lines that a reader does not take, because it is slow or gone, wait for it, and are counted beyond that", async () => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const open = () => openSync(pipe, O_RDONLY | O_NONBLOCK);
  const slow = open();
  const fd = openSync(pipe, O_WRONLY | O_NONBLOCK);
  const log = logTo(() => fd);
  writeMany(log);
  expect(await readAll(slow)).toBeGreaterThan(0);
  closeSync(slow);
  writeMany(log);
  const next = open();
  expect(await readAll(next)).toBeGreaterThan(0);
  for (const one of [next, fd]) closeSync(one);
});

it("a file that can't be opened is tried again", async () => {
  const file = join(folder, "later");
  const errors = [new Error("ENOSPC"), new Error("EIO"), new Error("EROFS")];
  const log = logTo(() => {
    const error = errors.pop();
    if (error !== undefined) throw error;
    return openSync(file, "a");
  });
  log.write("first\n");
  await expect.poll(() => errors).toEqual([]);
  await expect.poll(() => readFileSync(file, "utf8")).toBe("first\n");
});

it("a reader of standard error that hangs holds up nobody", async () => {
  const program = `
    const { stderrLines } = await import(${JSON.stringify(join(import.meta.dirname, "log-lines.ts"))});
    const log = stderrLines(Date.now);
    for (let i = 0; i < ${MANY}; i++) log.write("a line that nobody reads\\n");
    process.stdout.write("done");`;
  // By a pipe of the shell as well as by the socket that Node.js makes.
  for (const command of ['exec "$@"', '"$@" 2>&1 >&3 3>&- | sleep 1000 3>&-']) {
    const child = spawn("sh", ["-c", `exec 3>&1; ${command}`, "sh", process.execPath, "-e", program], {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    onTestFinished(() => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
    });
    const [said] = await once(child.stdout, "data");
    expect(String(said)).toBe("done");
  }
});
