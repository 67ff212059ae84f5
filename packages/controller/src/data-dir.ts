import { randomBytes } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { makeFolder } from "./make-folder.ts";
import { isRunning, markOf, type ProcessMark } from "./process/proc.ts";
import { ControllerStartError } from "./start-error.ts";

/** The layout of the data folder; a higher number was written by a newer version. */
const FORMAT = 1;

export type DataDir = {
  readonly dir: string;
  readonly operatorToken: string;
  readonly operatorTokenFile: string;
  release(): void;
};

/**
 * Takes the data folder for this process, made if absent:
 *   ringwall.json  controller.lock  operator.token (0600)  pki/ (0700)  postgresql/  flows/ (0700)
 */
export function takeDataDir(dir: string): DataDir {
  const resolved = path.resolve(dir);
  prepare(resolved);
  const lockFile = path.join(resolved, "controller.lock");
  takeLock(lockFile, resolved);
  const operatorTokenFile = path.join(resolved, "operator.token");
  return {
    dir: resolved,
    operatorToken: loadOperatorToken(operatorTokenFile),
    operatorTokenFile,
    release: () => rmSync(lockFile, { force: true }),
  };
}

function prepare(dir: string): void {
  try {
    if (existsSync(dir) && !statSync(dir).isDirectory()) throw new Error("it is not a folder");
    makeFolder(dir, 0o711);
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    checkFormat(path.join(dir, "ringwall.json"), dir);
    // PostgreSQL's own user has to enter it; what is secret inside has closed modes of its own.
    const { mode } = statSync(dir);
    if (process.getuid?.() === 0 && (mode & 0o011) !== 0o011) chmodSync(dir, (mode & 0o7777) | 0o011);
  } catch (error) {
    if (error instanceof ControllerStartError) throw error;
    throw new ControllerStartError(
      "data-dir-unusable",
      `the data folder \`${dir}\` can't be used: ${error instanceof Error ? error.message : String(error)}`,
      "give a folder that this user may write to with --data",
      { cause: error },
    );
  }
}

function checkFormat(file: string, dir: string): void {
  if (!existsSync(file)) {
    writeFileSync(file, `${JSON.stringify({ format: FORMAT })}\n`, { mode: 0o644 });
    return;
  }
  const { format } = JSON.parse(readFileSync(file, "utf8")) as { format?: unknown };
  if (format === FORMAT) return;
  throw new ControllerStartError(
    "data-dir-newer",
    `the data folder \`${dir}\` has the format ${JSON.stringify(format)}, and this version knows ${FORMAT}`,
    "start the version that wrote it, or give another folder with --data",
  );
}

/** One controller for each folder. A lock whose process is gone (kill -9) is taken over. */
function takeLock(file: string, dir: string): void {
  const own = markOf(process.pid);
  const holder = readLock(file);
  if (holder !== null && isRunning(holder) && holder.pid !== process.pid) {
    throw new ControllerStartError(
      "data-dir-in-use",
      `another controller (process ${holder.pid}) uses the data folder \`${dir}\``,
      "stop that one, or give this one a folder of its own with --data",
    );
  }
  writeFileSync(file, JSON.stringify(own), { mode: 0o600 });
}

function readLock(file: string): ProcessMark | null {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof value !== "object" || value === null || !("pid" in value) || !("startTicks" in value))
      return null;
    return typeof value.pid === "number" && typeof value.startTicks === "string"
      ? { pid: value.pid, startTicks: value.startTicks }
      : null;
  } catch {
    return null;
  }
}

function loadOperatorToken(file: string): string {
  if (existsSync(file)) {
    const token = readFileSync(file, "utf8").trim();
    if (token !== "") return token;
  }
  const token = randomBytes(32).toString("base64url");
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
  return token;
}
