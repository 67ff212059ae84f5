import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createLog } from "./log-file.ts";
import { type Part, PartFailed, startPart } from "./part.ts";
import { RESTARTS_MAX, supervise } from "./supervise.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "ringwall-cli-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A part that ends at once with exit code 2: a command that finds no token. */
function startFailing(): Part {
  return startPart("part", ["status", "--token-file", join(dir, "none")], (stream) => stream.resume());
}

it("a part that ends without a word is reported by its exit code, and its last words are kept", async () => {
  const log = createLog(join(dir, "part.log"), Date.now);
  const part = startPart("part", ["status", "--token-file", join(dir, "none")], log.take);
  await expect(part.ready).rejects.toThrow(PartFailed);
  await expect(part.ready).rejects.toThrow("the part ended before it was ready (exit code 2)");
  expect(log.tail()).toContain("no-operator-token");
});

it("a part that crashes is started again, and left alone when it crashes too often", async () => {
  const told: string[] = [];
  let starts = 0;
  const start = () => {
    starts++;
    return startFailing();
  };
  const supervised = supervise("part", start(), start, (line) => told.push(line));
  await supervised.givenUp;
  expect(starts).toBe(RESTARTS_MAX + 1);
  expect(told.at(-1)).toContain("is not started again");
  await supervised.end();
});

it("a part that is ended is not started again, not even when it was waiting to be", async () => {
  const told: string[] = [];
  let starts = 0;
  const start = () => {
    starts++;
    return startFailing();
  };
  const first = start();
  const supervised = supervise("part", first, start, (line) => told.push(line));
  await first.exited;
  await supervised.end();
  expect(starts).toBe(1);
});
