import type { ProcessUser } from "../../../process/run.ts";
import { run } from "../../../process/run.ts";
import { ControllerStartError } from "../../../start-error.ts";

/** PostgreSQL refuses to run as root, so that it gets a system user of its own, as Debian's does. */
export const SYSTEM_USER = "ringwall";
const COMMAND_TIMEOUT_MS = 20_000;

/** Who PostgreSQL runs as: the system user (made if need be) when we are root, else ourselves. */
export async function databaseUser(): Promise<ProcessUser | null> {
  if (process.getuid?.() !== 0) return null;
  const found = await lookUp();
  if (found !== null) return found;
  const made = await run(
    "useradd",
    [
      "--system",
      "--user-group",
      "--no-create-home",
      "--home-dir",
      "/nonexistent",
      "--shell",
      "/usr/sbin/nologin",
      SYSTEM_USER,
    ],
    { user: null, timeoutMs: COMMAND_TIMEOUT_MS },
  );
  // Another controller may have made it in between, so that only the look-up counts.
  const user = await lookUp();
  if (user !== null) return user;
  throw new ControllerStartError(
    "no-system-user",
    `the system user \`${SYSTEM_USER}\` for the private PostgreSQL could not be made: ${made.output.trim()}`,
    `make it by hand (\`useradd --system ${SYSTEM_USER}\`), or use a PostgreSQL of your own with --database-url`,
  );
}

async function lookUp(): Promise<ProcessUser | null> {
  const { status, output } = await run("getent", ["passwd", SYSTEM_USER], {
    user: null,
    timeoutMs: COMMAND_TIMEOUT_MS,
  });
  const [, , uid, gid] = output.split(":");
  return status === 0 && uid !== undefined && gid !== undefined
    ? { uid: Number(uid), gid: Number(gid) }
    : null;
}
