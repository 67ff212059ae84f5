// Writes one generated fleet as files: inventory.ndjson, window.ndjson, later.ndjson and truth.json.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { parseBoutique, parseMicroSecEnd } from "./app-graph.ts";
import { buildFleet, workloadOf } from "./fleet.ts";
import { random } from "./random.ts";
import { drawTraffic } from "./traffic.ts";

const USAGE =
  "usage: main.ts --app GRAPH.json [--app …] [--seed N] [--share 0.9] [--labels] [--days 14] -o DIR";

const { values } = parseArgs({
  options: {
    app: { type: "string", multiple: true },
    seed: { type: "string", default: "1" },
    share: { type: "string", default: "0.9" },
    days: { type: "string", default: "14" },
    labels: { type: "boolean", default: false },
    output: { type: "string", short: "o" },
  },
});
if (values.app === undefined || values.output === undefined) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(2);
}
const apps = values.app.map((file) => {
  const text = readFileSync(file, "utf8");
  const name = path.basename(file, ".json");
  return text.includes('"information_flows"') ? parseMicroSecEnd(name, text) : parseBoutique(text);
});
const rng = random(Number(values.seed));
const windowDays = Number(values.days);
const fleet = buildFleet(apps, rng, { replicasMax: 6, windowDays });
const traffic = drawTraffic(fleet, rng, {
  windowDays,
  laterDays: 7,
  share: Number(values.share),
  attackShare: 0.03,
});
const lines = (list: readonly unknown[]): string => list.map((one) => `${JSON.stringify(one)}\n`).join("");
mkdirSync(values.output, { recursive: true });
const write = (name: string, text: string): void =>
  writeFileSync(path.join(values.output ?? ".", name), text);
write("inventory.ndjson", lines(fleet.hosts.map((host) => workloadOf(host, values.labels))));
write("window.ndjson", lines(traffic.window));
write("later.ndjson", lines(traffic.later.map((edge) => edge.flow)));
const marks = traffic.later.map(({ pair, isAttack, wasSeen }) => ({ kind: pair.kind, isAttack, wasSeen }));
write(
  "truth.json",
  `${JSON.stringify({ services: Object.fromEntries(fleet.hosts.map((host) => [host.name, host.service])), later: marks })}\n`,
);
