// Turns a log of process connections into flow records: convert.ts LOG.jsonl[.gz] -o DIR writes flows.ndjson and inventory.ndjson.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { BadArgument, takeArguments } from "@ringwall/model/testing/arguments";
import { makeOutput } from "./make-output.ts";
import { loadProcessFlows } from "./process-flows.ts";

const { flows, inventory, output } = takeArguments(process, "LOG.jsonl[.gz] -o DIR", () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { output: { type: "string", short: "o" } },
  });
  const [log, ...more] = positionals;
  if (log === undefined || more.length > 0) throw new BadArgument("one log is wanted");
  if (values.output === undefined) throw new BadArgument("`-o` is missing");
  return { ...loadProcessFlows(log), output: makeOutput(values.output) };
});
const lines = (list: readonly unknown[]): string => list.map((one) => `${JSON.stringify(one)}\n`).join("");
writeFileSync(path.join(output, "flows.ndjson"), lines(flows));
writeFileSync(path.join(output, "inventory.ndjson"), lines(inventory));
process.stdout.write(`${flows.length} flows of ${inventory.length} hosts\n`);
