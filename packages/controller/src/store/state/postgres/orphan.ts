import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { executableOf, markOf, waitForEnd } from "../../../process/proc.ts";
import { ControllerStartError } from "../../../start-error.ts";

/** PostgreSQL's fast shutdown ends sessions and writes a checkpoint; that takes seconds at most on our amounts. */
const FAST_SHUTDOWN_MS = 30_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;

/**
 * Stops a PostgreSQL that a killed controller left running on `dataDir`. It is told by postmaster.pid: the number, the
 * folder and the executable all have to agree, so that no stranger who got the number since is ever signalled.
 */
export async function stopOrphan(dataDir: string): Promise<void> {
  const file = path.join(dataDir, "postmaster.pid");
  if (!existsSync(file)) return;
  const [pidText, folder] = readFileSync(file, "utf8").split("\n");
  const pid = Number(pidText);
  const mark = Number.isInteger(pid) && pid > 1 ? markOf(pid) : null;
  if (mark === null || folder !== dataDir) return;
  if (path.basename(executableOf(pid) ?? "") !== "postgres" || !startedWith(pid, dataDir)) return;
  process.kill(pid, "SIGINT");
  if (await waitForEnd(mark, FAST_SHUTDOWN_MS)) return;
  process.kill(pid, "SIGQUIT");
  if (await waitForEnd(mark, IMMEDIATE_SHUTDOWN_MS)) return;
  throw new ControllerStartError(
    "postgresql-stuck",
    `a PostgreSQL of an earlier run (process ${pid}) does not end`,
    `look at it, end it by \`kill -9 ${pid}\`, and start again`,
  );
}

function startedWith(pid: number, dataDir: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(dataDir);
  } catch {
    return false;
  }
}
