import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { makeFolder } from "../../../make-folder.ts";
import { markOf } from "../../../process/proc.ts";
import type { ProcessUser } from "../../../process/run.ts";
import { run } from "../../../process/run.ts";
import { ControllerStartError } from "../../../start-error.ts";
import { type Binaries, findBinaries } from "./binaries.ts";
import { stopOrphan } from "./orphan.ts";
import { superviseServer } from "./server.ts";
import { databaseUser, SYSTEM_USER } from "./system-user.ts";

/** Our own PostgreSQL: private to one controller, reachable by its unix socket only. */
export type Cluster = {
  readonly socketDir: string;
  readonly user: typeof DATABASE_USER;
  readonly database: "postgres";
  /** Process number of the server that runs now, for tests that kill it. */
  pid(): number | null;
  stop(): Promise<void>;
};

const DATABASE_USER = "ringwall";
const INITDB_TIMEOUT_MS = 120_000;
/** A unix socket's path fits 107 bytes on Linux; PostgreSQL adds `/.s.PGSQL.5432.lock`. */
const SOCKET_DIR_LENGTH_MAX = 107 - 20;

/** Starts PostgreSQL in `dir` (made if absent), after ending one that a killed controller left behind. */
export async function startCluster(dir: string, onLog: (line: string) => void): Promise<Cluster> {
  const user = await databaseUser();
  makeFolder(dir, 0o711);
  const data = path.join(dir, "data");
  await stopOrphan(data);
  const major = existsSync(path.join(data, "PG_VERSION"))
    ? Number(readFileSync(path.join(data, "PG_VERSION"), "utf8"))
    : null;
  await requireReachable(dir, user);
  const binaries = await findBinaries(user, path.join(dir, "programs"), major);
  if (major === null) await initialise(binaries, dir, data, user);
  const socketDir = makeSocketDir(dir, user);
  const server = await superviseServer({ binaries, data, socketDir, user, onLog });
  return {
    socketDir,
    user: DATABASE_USER,
    database: "postgres",
    pid: () => server.pid(),
    async stop() {
      await server.stop();
      if (!socketDir.startsWith(dir)) rmSync(socketDir, { recursive: true, force: true });
    },
  };
}

async function requireReachable(dir: string, user: ProcessUser | null): Promise<void> {
  if (user === null) return;
  const { status } = await run("test", ["-x", dir], { user, timeoutMs: INITDB_TIMEOUT_MS });
  if (status === 0) return;
  throw new ControllerStartError(
    "data-dir-closed",
    `PostgreSQL's system user \`${SYSTEM_USER}\` can't enter \`${dir}\`: a folder above it is closed to others`,
    "use a data folder such as /var/lib/ringwall (--data), or a PostgreSQL of your own (--database-url)",
  );
}

/** INVARIANT: `data` exists only when initdb went through, so that a kill in the middle leaves nothing half made. */
async function initialise(
  binaries: Binaries,
  dir: string,
  data: string,
  user: ProcessUser | null,
): Promise<void> {
  const half = path.join(dir, "data.partial");
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { mode: 0o700 });
  give(half, user);
  const { status, output } = await run(
    path.join(binaries.dir, "initdb"),
    ["-D", half, "-U", DATABASE_USER, "-E", "UTF8", "--locale=C", "--auth=peer"],
    { user, timeoutMs: INITDB_TIMEOUT_MS },
  );
  if (status !== 0) {
    throw new ControllerStartError(
      "initdb-failed",
      `the private PostgreSQL could not be set up in \`${dir}\`: ${output.trim().slice(-2000)}`,
      "free space or put the folder's rights right, then start again",
    );
  }
  const account = os.userInfo({ encoding: "utf8" }).username;
  const accounts = user === null ? [account] : [account, SYSTEM_USER];
  writeFileSync(path.join(half, "pg_hba.conf"), `local all ${DATABASE_USER} peer map=controller\n`);
  writeFileSync(
    path.join(half, "pg_ident.conf"),
    accounts.map((name) => `controller "${name}" ${DATABASE_USER}\n`).join(""),
  );
  renameSync(half, data);
}

function makeSocketDir(dir: string, user: ProcessUser | null): string {
  const wanted = path.join(dir, "run");
  if (Buffer.byteLength(wanted) > SOCKET_DIR_LENGTH_MAX) {
    const short = mkdtempSync("/tmp/ringwall-pg-");
    give(short, user);
    return short;
  }
  rmSync(wanted, { recursive: true, force: true });
  mkdirSync(wanted, { mode: 0o700 });
  give(wanted, user);
  return wanted;
}

function give(file: string, user: ProcessUser | null): void {
  if (user !== null) chownSync(file, user.uid, user.gid);
}

/** Whether the server's process is there, for status and tests. */
export function clusterRuns(cluster: Cluster): boolean {
  const pid = cluster.pid();
  return pid !== null && markOf(pid) !== null;
}
