import { closeSync, existsSync, openSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, release, totalmem } from "node:os";
import type { Traffic } from "../traffic/driver.ts";
import type { Checks } from "./checks.ts";

/** Throws what would be in the way of writing there, hours or minutes before it is. Leaves nothing behind. */
export function checkWritable(file: string): void {
  const isNew = !existsSync(file);
  closeSync(openSync(file, "a"));
  if (isNew) rmSync(file);
}

/** Writes the run as JSON: the machine, every check, every count of normal use. */
export function saveRecord(file: string, checks: Checks, traffic: Traffic | null, started: Date): void {
  const failed = checks.failed;
  const record = {
    format: 1,
    started: started.toISOString(),
    seconds: checks.seconds,
    machine: {
      kernel: release(),
      arch: arch(),
      cpus: cpus().length,
      memoryBytes: totalmem(),
      node: process.version,
    },
    passed: checks.all.length - failed,
    failed,
    checks: checks.all,
    skipped: checks.skipped,
    normalUse: traffic,
  };
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`);
}
