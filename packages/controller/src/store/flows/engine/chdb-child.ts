// The process that holds chDB: its crash or its memory never takes the controller along. Started by chdb-engine.ts with
// the folder as its argument and an IPC channel; ends when that channel does.
import { createRequire } from "node:module";
import type { Session } from "chdb";
import type { ChdbReply, ChdbRequest } from "./chdb-messages.ts";
import { EXECUTION_SECONDS_MAX, QUERY_MEMORY_BYTES_MAX } from "./engine.ts";

/** One session is serial: one writes, the others read. */
const READERS = 2;
const OPEN_RETRIES_MAX = 100;
const OPEN_RETRY_MS = 100;

const ARGUMENTS = [
  `--max_execution_time=${EXECUTION_SECONDS_MAX}`,
  `--max_memory_usage=${QUERY_MEMORY_BYTES_MAX}`,
  "--output_format_json_quote_64bit_integers=0",
  "--join_use_nulls=0",
  "--max_threads=2",
];

const chdb = createRequire(import.meta.url)("chdb") as typeof import("chdb");

function send(reply: ChdbReply): void {
  process.send?.(reply);
}

/** A child of a killed controller may still be closing the folder: one process for each folder. */
async function open(folder: string): Promise<Session> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return new chdb.Session(folder, { connectionArgs: ARGUMENTS });
    } catch (error) {
      if (attempt >= OPEN_RETRIES_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, OPEN_RETRY_MS));
    }
  }
}

async function execute(request: ChdbRequest, session: Session): Promise<string> {
  switch (request.kind) {
    case "query": {
      const options = { format: "JSONEachRow" };
      const result = await session.queryBindAsync(request.sql, { ...request.parameters }, options);
      return result.text();
    }
    case "command":
      await session.queryAsync(request.sql);
      return "";
    case "insert":
      await session.insert({
        table: request.table,
        columns: request.columns,
        values: request.rows,
        format: "TabSeparated",
      });
      return "";
    case "close":
      return "";
  }
}

/** Requests of one session, one after the other. */
function lane(session: Session): (request: ChdbRequest) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (request) => {
    last = last.then(() => answer(request, session));
    return last;
  };
}

async function answer(request: ChdbRequest, session: Session): Promise<void> {
  try {
    send({ kind: "done", id: request.id, text: await execute(request, session) });
  } catch (error) {
    send({ kind: "error", id: request.id, message: error instanceof Error ? error.message : String(error) });
  }
}

async function main(folder: string): Promise<void> {
  const writer = lane(await open(folder));
  const readers: ((request: ChdbRequest) => Promise<void>)[] = [];
  for (let index = 0; index < READERS; index += 1) readers.push(lane(await open(folder)));
  const busy = readers.map(() => 0);
  process.on("message", (request: ChdbRequest) => {
    if (request.kind === "close") {
      Promise.all([writer(request), ...readers.map((reader) => reader(request))]).then(leave, leave);
      return;
    }
    if (request.kind !== "query") {
      void writer(request);
      return;
    }
    const index = busy.indexOf(Math.min(...busy));
    busy[index] = (busy[index] ?? 0) + 1;
    void readers[index]?.(request).finally(() => {
      busy[index] = (busy[index] ?? 1) - 1;
    });
  });
  send({ kind: "ready" });
}

/** `process.exit` hangs while a query runs; what is written is on disk already (fsync_after_insert). */
function leave(): void {
  process.kill(process.pid, "SIGKILL");
}

process.on("disconnect", leave);
process.on("SIGINT", () => undefined);
try {
  await main(process.argv[2] ?? "");
} catch (error) {
  send({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
}
