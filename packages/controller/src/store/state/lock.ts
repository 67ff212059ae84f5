import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { ControllerStartError } from "../../start-error.ts";

/** The one controller's claim to the database: a lock that a session of its own holds, and takes again when that ends. */
export type Lock = {
  /** Returns while the lock is held. Throws where another controller has it now, or where it is not had again in time. */
  held(): Promise<void>;
  release(): Promise<void>;
};

export type LockParts = {
  /** Opens a session. */
  readonly connect: () => Promise<pg.Client>;
  /** The session that holds the lock says something this often, so that a server that is gone is noticed. */
  readonly beatMs: number;
  readonly onTaken: (why: ControllerStartError) => void;
};

/** The number of our advisory lock: one controller for each database. */
const CONTROLLER_LOCK = 0x52_57_41_4c;
const RETRY_MS = 250;
/** So long a question to the database waits for a lock that is being taken again. */
const WAIT_MS_MAX = 10_000;

/** Takes the lock by the session given, or ends that and throws. */
export async function takeLock(first: pg.Client, parts: LockParts): Promise<Lock> {
  // Tells our sessions from any other controller's.
  const name = `ringwall-controller ${randomUUID()}`;
  const ending = new AbortController();
  let session = first;
  let retaken: Promise<void> | null = null;
  const hold = (client: pg.Client) => {
    session = client;
    retaken = null;
    void beat(client, parts.beatMs, ending.signal);
    client.once("end", () => {
      if (ending.signal.aborted) return;
      retaken = retake(parts, name, ending.signal).then(hold);
      retaken.catch((error: unknown) => {
        if (error instanceof ControllerStartError) parts.onTaken(error);
      });
    });
  };
  if ((await tryLock(first, name)) !== "held") {
    await first.end();
    throw new ControllerStartError(
      "database-in-use",
      "another controller uses this database",
      "stop it, or give this one a database of its own",
    );
  }
  hold(first);
  return {
    async held() {
      if (retaken !== null) await inTime(retaken);
    },
    async release() {
      ending.abort();
      // Asked for, so that whoever comes next does not find it while the server still ends the session.
      await session.query("SELECT pg_advisory_unlock_all()").catch(() => undefined);
      await session.end();
    },
  };
}

/** Tries for as long as the server is away. Throws ControllerStartError where another controller was first. */
async function retake({ connect }: LockParts, name: string, ending: AbortSignal): Promise<pg.Client> {
  for (;;) {
    const client = await connect().catch(() => null);
    const found = client === null ? "away" : await tryLock(client, name).catch(() => "away" as const);
    if (client !== null && found === "held" && !ending.aborted) return client;
    await client?.end().catch(() => undefined);
    if (found === "another's") {
      throw new ControllerStartError(
        "database-taken",
        "another controller took this database while the connection to it was broken",
        "let one controller use it, and give every other one a database of its own",
      );
    }
    await sleep(RETRY_MS, undefined, { signal: ending });
  }
}

async function tryLock(client: pg.Client, name: string): Promise<"held" | "still ours" | "another's"> {
  await client.query("SELECT set_config('application_name', $1, false)", [name]);
  // The server may not have noticed that a session of ours is gone, which keeps the lock meanwhile. Asked before the
  // lock, or one that ends in between would be taken for another's.
  const former = await client.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()",
    [name],
  );
  const { rows } = await client.query<{ got: boolean }>("SELECT pg_try_advisory_lock($1) AS got", [
    CONTROLLER_LOCK,
  ]);
  if (rows[0]?.got === true) return "held";
  return former.rows.length > 0 ? "still ours" : "another's";
}

async function beat(client: pg.Client, everyMs: number, ending: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await sleep(everyMs, undefined, { signal: ending });
      await client.query("SELECT 1");
    }
  } catch {
    if (!ending.aborted) await client.end().catch(() => undefined);
  }
}

async function inTime(retaken: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const error = new Error("the lock of the one controller that uses the database is not held");
  const timer = setTimeout(() => late.reject(error), WAIT_MS_MAX);
  await Promise.race([retaken, late.promise]).finally(() => clearTimeout(timer));
}
