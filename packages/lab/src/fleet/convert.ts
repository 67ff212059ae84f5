// Turns a log of process connections into flow records: convert.ts LOG.jsonl[.gz] -o DIR writes flows.ndjson and inventory.ndjson.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { parseProcessFlows } from "./process-flows.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { output: { type: "string", short: "o" } },
});
const [file] = positionals;
if (file === undefined || values.output === undefined) {
  process.stderr.write("usage: convert.ts LOG.jsonl[.gz] -o DIR\n");
  process.exit(2);
}
const bytes = readFileSync(file);
const { flows, inventory } = parseProcessFlows(
  (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8"),
);
mkdirSync(values.output, { recursive: true });
const lines = (list: readonly unknown[]): string => list.map((one) => `${JSON.stringify(one)}\n`).join("");
writeFileSync(path.join(values.output, "flows.ndjson"), lines(flows));
writeFileSync(path.join(values.output, "inventory.ndjson"), lines(inventory));
process.stdout.write(`${flows.length} flows of ${inventory.length} hosts\n`);
