// Counts what a controller that has ended keeps in its flow store, by protocol and direction: one JSON line.
import path from "node:path";
import { startChdb } from "../store/flows/engine/chdb-engine.ts";

const [dataDir = ""] = process.argv.slice(2);
const engine = await startChdb(path.join(dataDir, "flows"), () => undefined);
const rows = await engine.query(
  "SELECT proto, toString(direction) AS direction, sum(count) AS flows FROM ringwall.flow_reports GROUP BY 1, 2",
);
await engine.close();
process.stdout.write(`${JSON.stringify(rows)}\n`);
