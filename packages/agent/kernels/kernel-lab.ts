/** The acts of `make lab`, as they are, inside a guest: controller, databases and agents on hosts of its kernel. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import type { GuestResult } from "./guest.ts";
import type { Totals } from "./kernel-tests.ts";

/** Each in a guest of its own: what hangs in one takes nothing of the others' results along. */
export const LAB_ACTS: readonly string[] = ["tiers", "containers", "proof"];
/** Where none is named. A command of `bin/ringwall` takes ten seconds and more in a guest, and the others give some hundred. */
export const LAB_ACTS_UNNAMED: readonly string[] = ["containers"];
/** For two databases, a controller and up to five agents; chDB is built for wide registers. */
export const LAB_MACHINE = { memoryMb: 4096, isWide: true } as const;
/** The lab's limits are generous already, and its normal use comes as much more seldom. */
const SLOWNESS = 5;
const LINES_MAX = 40;

const recordSchema = z.object({
  passed: z.number(),
  failed: z.number(),
  skipped: z.array(z.object({ phase: z.string(), tried: z.string(), why: z.string() })),
  checks: z.array(
    z.object({
      phase: z.string(),
      tried: z.string(),
      from: z.string(),
      to: z.string(),
      expected: z.string(),
      seen: z.string(),
      passed: z.boolean(),
    }),
  ),
});

/**
 * What hosts of the lab run is compiled ahead, once and not by each of them, and kept where `bin/ringwall` looks: they have
 * a /run of their own. chDB is opened ahead too: of its half gigabyte what that reads is then in memory, since the controller
 * gives it a minute, and 5.10 fetches the host's files a page at a time.
 */
export function labScript(root: string, act: string): string {
  return `cd '${root}' && mkdir -p node_modules/.cache/ringwall && mount --bind /run/compiled node_modules/.cache/ringwall
scripts/node --import ./packages/agent/src/compile-ahead.ts packages/cli/src/local/compile-ahead.ts && touch /run/compiled/agent-compiled
scripts/node -e 'new (require("chdb").Session)("/dev/shm/chdb").query("SELECT 1"); process.kill(process.pid, "SIGKILL")'
rm -rf /dev/shm/chdb
RINGWALL_TEST_SLOWNESS=${SLOWNESS} scripts/node packages/lab/src/main.ts --only ${act} --json /run/results/lab.json \\
  > /run/results/lab.log 2>&1\n`;
}

export function readLab(result: GuestResult, folder: string): Totals {
  const file = path.join(folder, "lab.json");
  if (!existsSync(file)) return readEnd(result, path.join(folder, "lab.log"));
  const { passed, failed, skipped, checks } = recordSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  for (const { phase, tried, from, to, expected, seen } of checks.filter((check) => !check.passed)) {
    const where = from === "" ? "" : ` ${from} → ${to}`;
    console.log(`failed: ${phase}: ${tried}${where}\n  expected: ${expected}\n  seen: ${seen}`);
  }
  for (const { phase, tried, why } of skipped) console.log(`skipped: ${phase}: ${tried}: ${why}`);
  return { passed, failed, skipped: skipped.length };
}

/** Of a lab that did not get to its record. */
function readEnd(result: GuestResult, log: string): Totals {
  const said = existsSync(log) ? readFileSync(log, "utf8") : "";
  const skipped = /^lab: (skipped: .*)$/m.exec(said)?.[1];
  if (skipped !== undefined) {
    console.log(skipped);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  console.log(`the guest ${result.timedOut ? "took too long" : "ended without a record"}`);
  console.log(`${result.console}${said}`.trimEnd().split("\n").slice(-LINES_MAX).join("\n"));
  return { passed: 0, failed: 1, skipped: 0 };
}
