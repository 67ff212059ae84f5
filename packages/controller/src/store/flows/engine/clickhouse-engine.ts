import { Readable } from "node:stream";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { ControllerStartError } from "../../../start-error.ts";
import { EXECUTION_SECONDS_MAX, type FlowEngine, FlowEngineError, QUERY_MEMORY_BYTES_MAX } from "./engine.ts";

/** A ClickHouse server by URL, with the settings that chDB has. */
export async function openClickHouse(url: string): Promise<FlowEngine> {
  const client = createClient({
    url,
    log: { level: ClickHouseLogLevel.OFF },
    request_timeout: (EXECUTION_SECONDS_MAX + 5) * 1000,
    clickhouse_settings: {
      max_execution_time: EXECUTION_SECONDS_MAX,
      max_memory_usage: String(QUERY_MEMORY_BYTES_MAX),
      output_format_json_quote_64bit_integers: 0,
      join_use_nulls: 0,
    },
  });
  const answer = await client.ping({ select: true });
  if (!answer.success) {
    await client.close();
    throw new ControllerStartError(
      "clickhouse-unreachable",
      `the ClickHouse server can't be reached: ${answer.error.message}`,
      "check host, port, user and password in --clickhouse-url and that the server runs",
    );
  }
  return {
    async query<Row>(sql: string, parameters = {}) {
      const result = await named(
        client.query({ query: sql, query_params: { ...parameters }, format: "JSONEachRow" }),
      );
      return result.json<Row>();
    },
    async command(sql) {
      await named(client.command({ query: sql }));
    },
    async insert(table, columns, rows) {
      const [first, ...rest] = columns;
      if (first === undefined) throw new Error("bug: insert without columns");
      await named(
        client.insert({
          table,
          columns: [first, ...rest],
          values: Readable.from([rows], { objectMode: false }),
          format: "TabSeparated",
        }),
      );
    },
    close: () => client.close(),
  };
}

async function named<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new FlowEngineError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
