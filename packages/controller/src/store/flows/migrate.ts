import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { FlowEngine } from "./engine/engine.ts";

const SQL_DIR = path.join(import.meta.dirname, "../../../sql/flows");
export const RETENTION_DAYS_DEFAULT = 30;
const TABLES_WITH_RETENTION = ["flow_reports", "exec_reports"] as const;

/** Makes the tables that are missing; every statement of sql/flows may run again. */
export async function migrateFlows(engine: FlowEngine, retentionDays: number): Promise<void> {
  if (!Number.isInteger(retentionDays) || retentionDays < 1) {
    throw new Error("bug: retention that is not checked");
  }
  await engine.command("CREATE DATABASE IF NOT EXISTS ringwall");
  for (const file of readdirSync(SQL_DIR).sort()) {
    for (const statement of statements(readFileSync(path.join(SQL_DIR, file), "utf8"))) {
      await engine.command(statement);
    }
  }
  for (const table of TABLES_WITH_RETENTION) {
    await engine.command(
      // Parts that are there need not be written anew: they go by whole days.
      `ALTER TABLE ringwall.${table} MODIFY TTL toDate(received) + INTERVAL ${retentionDays} DAY SETTINGS materialize_ttl_after_modify = 0`,
    );
  }
}

function statements(text: string): string[] {
  return text
    .replaceAll(/^--.*$/gm, "")
    .replaceAll(/^\s+--.*$/gm, "")
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}
