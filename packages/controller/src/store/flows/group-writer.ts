import type { FlowEngine } from "./engine/engine.ts";

/** Rows of one insert; ClickHouse keeps an insert of up to 1,048,576 rows in one block, which is what makes it atomic. */
export const INSERT_ROWS_MAX = 200_000;
/** Rows that may wait; callers beyond it wait for room, which slows their agents down. */
export const WAITING_ROWS_MAX = 1_000_000;

export type GroupWriter = {
  /** Resolves when the rows are on disk; rejects when none of them is. */
  append(lines: readonly string[]): Promise<void>;
};

/**
 * Many small appends become few large inserts: whatever comes while one insert runs goes into the next. INVARIANT: the
 * lines of one `append` are never divided between two inserts.
 */
export function createGroupWriter(
  engine: FlowEngine,
  table: string,
  columns: readonly string[],
): GroupWriter {
  type Entry = {
    readonly lines: readonly string[];
    readonly resolve: () => void;
    readonly reject: (error: unknown) => void;
  };
  let waiting: Entry[] = [];
  let writing = false;

  const takeGroup = (): Entry[] => {
    let rows = 0;
    let length = 0;
    for (const entry of waiting) {
      if (length > 0 && rows + entry.lines.length > INSERT_ROWS_MAX) break;
      rows += entry.lines.length;
      length += 1;
    }
    const group = waiting.slice(0, length);
    waiting = waiting.slice(length);
    return group;
  };

  const drain = async () => {
    if (writing) return;
    writing = true;
    while (waiting.length > 0) {
      const group = takeGroup();
      try {
        await engine.insert(table, columns, Buffer.from(group.map((entry) => entry.lines.join("")).join("")));
        for (const entry of group) entry.resolve();
      } catch (error) {
        for (const entry of group) entry.reject(error);
      }
    }
    writing = false;
  };

  return {
    async append(lines) {
      if (lines.length === 0) return;
      const rows = waiting.reduce((sum, entry) => sum + entry.lines.length, 0);
      if (rows + lines.length > WAITING_ROWS_MAX) {
        throw new Error(`the flow store is behind: ${rows} rows wait already; send the batch again`);
      }
      await new Promise<void>((resolve, reject) => {
        waiting.push({ lines, resolve, reject });
        void drain();
      });
    },
  };
}
