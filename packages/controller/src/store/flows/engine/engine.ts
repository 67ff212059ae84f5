/** Values bound to `{name:Type}` in ClickHouse SQL; nothing of a user's is ever written into the text. */
export type SqlParameters = Readonly<Record<string, string | number | readonly string[]>>;

/** Where flows live: chDB in a child process, or a ClickHouse server. The SQL is the same. */
export type FlowEngine = {
  /** Rows as objects; UInt64 comes as a number, so that ids are to be selected through toString. */
  query<Row>(sql: string, parameters?: SqlParameters): Promise<Row[]>;
  command(sql: string): Promise<void>;
  /** Appends `rows`, TabSeparated text, to a table: one atomic insert. */
  insert(table: string, columns: readonly string[], rows: Buffer): Promise<void>;
  close(): Promise<void>;
};

/** The engine refused or failed; the query is not repeated by itself. */
export class FlowEngineError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FlowEngineError";
  }
}

/** Seconds after which the engine ends a query or insert by itself. */
export const EXECUTION_SECONDS_MAX = 30;
/** Memory of one query. */
export const QUERY_MEMORY_BYTES_MAX = 2_000_000_000;
