import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { KyselyPlugin } from "kysely";
import { openState, type StateDatabase } from "../store/state/open.ts";
import { startCluster } from "../store/state/postgres/cluster.ts";

/** A real PostgreSQL in a folder of its own, which says how much was read from it. */
export type TestState = {
  readonly db: StateDatabase;
  /** Bytes of the rows, as JSON, that came back while `work` ran. */
  bytesRead(work: () => Promise<unknown>): Promise<number>;
  remove(): Promise<void>;
};

export async function startTestState(): Promise<TestState> {
  const dir = mkdtempSync(path.join(tmpdir(), "ringwall-state-"));
  chmodSync(dir, 0o711);
  const cluster = await startCluster(dir, () => undefined);
  const { socketDir, user, database } = cluster;
  const state = await openState({ kind: "socket", dir: socketDir, user, database }, () => undefined);
  let bytes = 0;
  const counting: KyselyPlugin = {
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      bytes += result.rows.reduce((sum, row) => sum + JSON.stringify(row).length, 0);
      return result;
    },
  };
  return {
    db: state.db.withPlugin(counting),
    async bytesRead(work) {
      const before = bytes;
      await work();
      return bytes - before;
    },
    async remove() {
      await state.close();
      await cluster.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
