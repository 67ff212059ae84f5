import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createFullDisk } from "../../testing/full-disk.ts";
import { createLog, type LogFile } from "./log-file.ts";

const MANY = 20_000;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "ringwall-log-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Has the log take `pieces` as a part's pipe gives them, which does not know of lines. */
async function say(log: LogFile, pieces: readonly string[]): Promise<void> {
  const stream = new PassThrough();
  log.take(stream);
  for (const piece of pieces) if (!stream.write(piece)) await once(stream, "drain");
  stream.end();
  await once(stream, "close");
}

it.skipIf(process.geteuid?.() !== 0)("a log goes on once its full disk has room again", async () => {
  const disk = createFullDisk(dir);
  try {
    const log = createLog(join(disk.path, "part.log"), () => 0);
    log.open();
    await say(log, ["before\n"]);
    disk.fill();
    await say(log, new Array(MANY).fill(`${"x".repeat(100)}\n`));
    disk.makeRoom();
    await expect
      .poll(() => readFileSync(log.path, "utf8"))
      .toMatch(/^before\n(?:x{100}\n)+\{.*"lost":\d+.*\}\n$/);
    await say(log, ["after\n"]);
    expect(readFileSync(log.path, "utf8")).toMatch(/\nafter\n$/);
  } finally {
    disk.remove();
  }
});

it("what came before the log was opened stands in it, and lines of two streams are not mixed", async () => {
  const log = createLog(join(dir, "log/part.log"), () => 0);
  await say(log, ["early\n"]);
  expect(log.tail()).toBe("early");
  log.open();
  const [one, other] = [new PassThrough(), new PassThrough()];
  log.take(one);
  log.take(other);
  one.write("begun ");
  other.write("whole\n");
  one.end("and ended\nwithout an end");
  await once(one, "close");
  expect(readFileSync(log.path, "utf8")).toBe("early\nwhole\nbegun and ended\nwithout an end\n");
});
