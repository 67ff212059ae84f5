import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { parseServerUrl, placeOf } from "../../server-url.ts";
import { ControllerStartError } from "../../start-error.ts";
import type { Tables } from "./tables.ts";

export type StateDatabase = Kysely<Tables>;
export type StateStore = { readonly db: StateDatabase; close(): Promise<void> };

export type StateAddress =
  | { readonly kind: "socket"; readonly dir: string; readonly user: string; readonly database: string }
  | { readonly kind: "url"; readonly url: string };

const CONNECTIONS_MAX = 16;
const CONNECT_TIMEOUT_MS = 10_000;
/** A statement that takes longer is a bug or an attack; it is ended and its request fails. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** The number of our advisory lock: one controller for each database. */
const CONTROLLER_LOCK = 0x52_57_41_4c;
const SQL_DIR = path.join(import.meta.dirname, "../../../sql/state");

/** Connects, takes the one controller's lock and brings the tables up to date. */
export async function openState(address: StateAddress, onError: (error: Error) => void): Promise<StateStore> {
  const types = { getTypeParser: typeParser };
  const where =
    address.kind === "url"
      ? { connectionString: address.url }
      : { host: address.dir, user: address.user, database: address.database };
  const pool = new pg.Pool({
    ...where,
    types,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    application_name: "ringwall-controller",
  });
  pool.on("error", onError);
  // A connection that breaks in use fails its query, and the next; without a listener it would end the process as well.
  pool.on("connect", (client) => client.on("error", () => undefined));
  const db: StateDatabase = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    const holder = await takeLock(pool, address);
    holder.on("error", onError);
    await migrate(db);
    return {
      db,
      async close() {
        await holder.query("SELECT pg_advisory_unlock_all()").catch(() => undefined);
        holder.release();
        await db.destroy();
      },
    };
  } catch (error) {
    await db.destroy().catch(() => undefined);
    throw error;
  }
}

function typeParser(oid: number, format?: "text" | "binary") {
  const INT8 = 20;
  if (oid === INT8 && format !== "binary") return Number;
  return pg.types.getTypeParser(oid, format as "text");
}

async function takeLock(pool: pg.Pool, address: StateAddress): Promise<pg.PoolClient> {
  const client = await connect(pool, address);
  const { rows } = await client.query<{ got: boolean }>("SELECT pg_try_advisory_lock($1) AS got", [
    CONTROLLER_LOCK,
  ]);
  if (rows[0]?.got === true) return client;
  client.release(true);
  throw new ControllerStartError(
    "database-in-use",
    "another controller uses this database",
    "stop it, or give this one a database of its own",
  );
}

async function connect(pool: pg.Pool, address: StateAddress): Promise<pg.PoolClient> {
  // A server that recovers from a crash refuses connections for a while ("the database system is starting up").
  const RETRIES_MAX = 100;
  const RETRY_MS = 100;
  const STARTING_UP = "57P03";
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await pool.connect();
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
}
