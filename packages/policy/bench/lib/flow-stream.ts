import type { Workload } from "@ringwall/model";
import { createRandom } from "./made-fleet.ts";

/**
 * Which edges the records are of: 50,000 that come again and again, as a fleet's do; another pair of workloads each
 * time; another address of the internet each time.
 */
export type Edges = "repeated" | "distinct" | "strangers";

const REPEATED = 50_000;
const LINES_PER_CHUNK = 5000;
const START_MS = Date.UTC(2026, 10, 2);
const MS_APART = 50;

/** Flow records as NDJSON, made while they are read; the same ones in every run. */
export function* flowStream(
  workloads: readonly Workload[],
  edges: Edges,
  records: number,
): Generator<Buffer> {
  const random = createRandom(7);
  const below = (n: number) => Math.floor(random() * n);
  const hosts = workloads.map(
    ({ metadata, spec }) => `"workload":"${metadata.name}","ip":"${spec.addresses[0]}"`,
  );
  const pick = () => hosts[below(hosts.length)] ?? "";
  const stranger = () => `"ip":"${11 + below(100)}.${below(256)}.${below(256)}.${below(256)}"`;
  const edge = () => {
    const src = edges === "strangers" ? stranger() : `${pick()},"exe":"/usr/bin/client","user":"app"`;
    return { src, dst: pick(), port: 1000 + below(200) };
  };
  const known = Array.from({ length: edges === "repeated" ? REPEATED : 0 }, edge);
  const line = (i: number): string => {
    const { src, dst, port } = known[below(known.length)] ?? edge();
    const time = new Date(START_MS + i * MS_APART).toISOString();
    return (
      `{"time":"${time}","count":${1 + (i % 9)},"reporter":"joined","proto":"tcp","port":${port},` +
      `"state":"established","verification":"in-band","src":{${src},"port":${32768 + ((i * 7919) % 28000)}},` +
      `"dst":{${dst},"exe":"/usr/sbin/server","user":"srv"},"bytesOut":${(i * 31) % 100000},"bytesIn":${(i * 17) % 1000000}}\n`
    );
  };
  for (let i = 0; i < records; i += LINES_PER_CHUNK) {
    let lines = "";
    for (let j = i; j < Math.min(records, i + LINES_PER_CHUNK); j++) lines += line(j);
    yield Buffer.from(lines);
  }
}
