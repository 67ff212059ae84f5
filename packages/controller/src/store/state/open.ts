import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Kysely, PostgresDialect, type PostgresPool, sql } from "kysely";
import pg from "pg";
import { parseServerUrl, placeOf } from "../../server-url.ts";
import { ControllerStartError } from "../../start-error.ts";
import { type Lock, takeLock } from "./lock.ts";
import { countRevisions } from "./revisions.ts";
import { createSockets } from "./sockets.ts";
import type { Tables } from "./tables.ts";

export type StateDatabase = Kysely<Tables>;
export type StateStore = { readonly db: StateDatabase; close(): Promise<void> };

export type StateAddress =
  | { readonly kind: "socket"; readonly dir: string; readonly user: string; readonly database: string }
  | { readonly kind: "url"; readonly url: string };

/** Beside the one that holds the lock. */
const CONNECTIONS_MAX = 15;
const CONNECT_TIMEOUT_MS = 10_000;
/** A statement that takes longer is a bug or an attack; it is ended and its request fails. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** A server that says nothing for longer hangs or is gone, since it ends every statement before. */
const SILENCE_MS_MAX = STATEMENT_TIMEOUT_MS + 10_000;
/** The connection that holds the lock has nothing else to say. */
const BEATS_PER_SILENCE = 4;
/** What still waits for an answer then fails, so that a server that hangs does not keep the controller from ending. */
const CLOSE_MS_MAX = 5_000;
const SQL_DIR = path.join(import.meta.dirname, "../../../sql/state");

export type StateOptions = {
  /** Another controller has the database since the connection to it broke: nothing is asked of it any more. */
  readonly onTaken?: (why: ControllerStartError) => void;
  /** A connection on which nothing goes either way is given up after this; shorter in tests. */
  readonly silenceMsMax?: number;
};

/** Connects, takes the one controller's lock and brings the tables up to date. */
export async function openState(
  address: StateAddress,
  onError: (error: Error) => void,
  { onTaken = () => undefined, silenceMsMax = SILENCE_MS_MAX }: StateOptions = {},
): Promise<StateStore> {
  const sockets = createSockets(silenceMsMax);
  const settings = {
    ...(address.kind === "url"
      ? { connectionString: address.url }
      : { host: address.dir, user: address.user, database: address.database }),
    types: { getTypeParser: typeParser },
    stream: sockets.open,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    application_name: "ringwall-controller",
  };
  const connect = async () => {
    const client = new pg.Client(settings);
    client.on("error", onError);
    await client.connect();
    return client;
  };
  const lock = await takeLock(await connectFirst(connect, address), {
    connect,
    beatMs: silenceMsMax / BEATS_PER_SILENCE,
    onTaken(why) {
      sockets.cutAll();
      onTaken(why);
    },
  });
  const pool = new pg.Pool({ ...settings, max: CONNECTIONS_MAX });
  pool.on("error", onError);
  // A connection that breaks in use fails its query, and the next; without a listener it would end the process as well.
  pool.on("connect", (client) => client.on("error", () => undefined));
  const db: StateDatabase = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: underLock(pool, lock) }),
  });
  const close = async () => {
    const timer = setTimeout(sockets.cutAll, CLOSE_MS_MAX);
    try {
      await db.destroy();
      await lock.release();
    } finally {
      clearTimeout(timer);
      sockets.cutAll();
    }
  };
  try {
    await migrate(db);
    return { db, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

/** INVARIANT: nothing is asked of the database while another controller may have it. */
function underLock(pool: pg.Pool, lock: Lock): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect();
      try {
        await lock.held();
        return client;
      } catch (error) {
        client.release();
        throw error;
      }
    },
  };
}

function typeParser(oid: number, format?: "text" | "binary") {
  const INT8 = 20;
  if (oid === INT8 && format !== "binary") return Number;
  return pg.types.getTypeParser(oid, format as "text");
}

async function connectFirst(connect: () => Promise<pg.Client>, address: StateAddress): Promise<pg.Client> {
  // A server that recovers from a crash refuses connections for a while ("the database system is starting up").
  const RETRIES_MAX = 100;
  const RETRY_MS = 100;
  const STARTING_UP = "57P03";
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await connect();
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      const starting =
        code === STARTING_UP || (address.kind === "socket" && (code === "ECONNREFUSED" || code === "ENOENT"));
      if (!starting || attempt >= RETRIES_MAX) throw unreachableDatabase(error, address);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

function unreachableDatabase(error: unknown, address: StateAddress): ControllerStartError {
  const why = (error instanceof AggregateError ? error.errors : [error]).map(messageOf).join("; ");
  const where =
    address.kind === "url" ? ` at \`${placeOf(parseServerUrl("--database-url", address.url))}\`` : "";
  return new ControllerStartError(
    "database-unreachable",
    `the PostgreSQL database${where} can't be reached: ${why}`,
    "check host, port, name, user and password in --database-url and that the server runs",
    { cause: error },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs the files of sql/state that have not run yet, in order, each in a transaction of its own. */
async function migrate(db: StateDatabase): Promise<void> {
  await sql`CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, time timestamptz NOT NULL DEFAULT now())`.execute(
    db,
  );
  const { rows } = await sql<{ name: string }>`SELECT name FROM migrations`.execute(db);
  const done = new Set(rows.map((row) => row.name));
  const files = readdirSync(SQL_DIR)
    .filter((file) => file.endsWith(".sql"))
    .sort();
  const unknown = [...done].find((name) => !files.includes(name));
  if (unknown !== undefined) {
    throw new ControllerStartError(
      "database-newer",
      `the database was written by a newer version (it has \`${unknown}\`)`,
      "start that version or a later one",
    );
  }
  for (const file of files.filter((name) => !done.has(name))) {
    await db.transaction().execute(async (transaction) => {
      await sql.raw(readFileSync(path.join(SQL_DIR, file), "utf8")).execute(transaction);
      await sql`INSERT INTO migrations (name) VALUES (${file})`.execute(transaction);
    });
  }
  await countRevisions(db);
}
