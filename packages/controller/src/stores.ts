import path from "node:path";
import type { Logger } from "pino";
import type { DataDir } from "./data-dir.ts";
import type { ControllerOptions } from "./options.ts";
import type { ControllerStartError } from "./start-error.ts";
import type { Stopper } from "./stopper.ts";
import { startChdb } from "./store/flows/engine/chdb-engine.ts";
import { openClickHouse } from "./store/flows/engine/clickhouse-engine.ts";
import type { FlowEngine } from "./store/flows/engine/engine.ts";
import { type FlowStore, openFlowStore } from "./store/flows/flow-store.ts";
import { migrateFlows, RETENTION_DAYS_DEFAULT } from "./store/flows/migrate.ts";
import { openState, type StateAddress, type StateDatabase } from "./store/state/open.ts";
import { startCluster } from "./store/state/postgres/cluster.ts";

export type Stores = { readonly db: StateDatabase; readonly flows: FlowStore };

/** Opens both stores: the private ones in the data folder, or those of the URLs given. */
export async function openStores(
  options: ControllerOptions,
  data: DataDir,
  log: Logger,
  stopper: Stopper,
  onTaken: (why: ControllerStartError) => void,
): Promise<Stores> {
  const state = await openState(
    await stateAddress(options, data, log, stopper),
    (error) => log.warn({ why: error.message }, "a connection to PostgreSQL broke"),
    { onTaken },
  );
  stopper.add(() => state.close());
  const engine = await openEngine(options, data, log);
  stopper.add(() => engine.close());
  await migrateFlows(engine, options.retentionDays ?? RETENTION_DAYS_DEFAULT);
  return { db: state.db, flows: await openFlowStore(engine) };
}

async function stateAddress(
  options: ControllerOptions,
  data: DataDir,
  log: Logger,
  stopper: Stopper,
): Promise<StateAddress> {
  if (options.databaseUrl !== undefined) return { kind: "url", url: options.databaseUrl };
  const cluster = await startCluster(path.join(data.dir, "postgresql"), (line) =>
    log.debug({ postgresql: line }),
  );
  stopper.add(() => cluster.stop());
  return { kind: "socket", dir: cluster.socketDir, user: cluster.user, database: cluster.database };
}

function openEngine(options: ControllerOptions, data: DataDir, log: Logger): Promise<FlowEngine> {
  if (options.clickhouseUrl !== undefined) return openClickHouse(options.clickhouseUrl);
  return startChdb(path.join(data.dir, "flows"), (message) => log.warn(message));
}
