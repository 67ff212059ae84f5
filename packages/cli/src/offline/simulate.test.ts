import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCli } from "../testing/ringwall.ts";

const POLICY = `
apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: db }
spec: { workloads: { app: db }, modes: { inbound: block, processes: block } }
---
apiVersion: ringwall.dev/v1
kind: Software
metadata: { name: postgres }
spec: { anyOf: [{ executable: { path: /usr/bin/postgres } }] }
---
apiVersion: ringwall.dev/v1
kind: Policy
metadata: { name: p }
spec:
  rules:
    - { name: read, allow: { from: { workload: web }, to: { segment: db }, ports: [tcp/5432] } }
    - { name: programs, run: { segment: db, software: [postgres] } }
---
apiVersion: ringwall.dev/v1
kind: Workload
metadata: { name: db, labels: { app: db } }
spec: { addresses: [10.0.0.1] }
---
apiVersion: ringwall.dev/v1
kind: Workload
metadata: { name: web }
spec: { addresses: [10.0.0.2] }
`;
const flow = (port: number, more: object = {}, user = "müller") =>
  JSON.stringify({
    time: "2026-11-20T10:00:00Z",
    proto: "tcp",
    port,
    src: { workload: "web", port: 40_000 + (port % 7), user },
    dst: { workload: "db" },
    ...more,
  });
const exec = JSON.stringify({
  time: "2026-11-20T10:00:00Z",
  workload: "db",
  exec: { exe: "/tmp/miner", exeSha256: "a".repeat(64) },
});

let folder: string;
let cli: ReturnType<typeof createCli>;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ringwall-simulate-"));
  cli = createCli(folder);
  writeFileSync(join(folder, "policy.yaml"), POLICY);
});
afterAll(() => rmSync(folder, { recursive: true }));

const simulate = (flows: string, ...more: string[]) =>
  cli.type("simulate", "--policy", join(folder, "policy.yaml"), "--flows", flows, "--json", ...more);

test("records of one edge, of programs and of other spellings are all counted, from a compressed file too", async () => {
  const lines = [
    flow(5432),
    flow(5432, { count: 5, bytesOut: 7 }),
    flow(5432, { count: 2 }).replaceAll(",", " ,\t"),
    flow(22, { until: "2026-11-20T10:05:00+01:00" }),
    exec,
    "",
    flow(22),
  ];
  const file = join(folder, "flows.ndjson.gz");
  writeFileSync(file, gzipSync(lines.join("\r\n")));
  const { code, stdout } = await simulate(file);
  const { totals, newlyBlocked, byRule, bySegment } = JSON.parse(stdout);
  expect(code).toBe(0);
  expect(totals).toEqual({ records: 6, connections: 11, allowed: 8, wouldBlock: 0, blocked: 3 });
  expect(newlyBlocked).toMatchObject([{ src: "web", dst: "db", port: 22, connections: 2 }]);
  // Counted at each end that judges.
  expect(byRule).toMatchObject({ "p/read": 16, default: 5 });
  expect(bySegment.db.records).toBe(6);
});

test("a bad line is named by its number; the rest is played with --keep-going", async () => {
  const file = join(folder, "bad.ndjson");
  const endless = `{"time":"${"x".repeat(5_000_000)}`;
  const unknown = flow(5432, { colour: "red" });
  const stranger = flow(5432).replace('"web"', '"wep"');
  writeFileSync(file, [flow(5432), "no json", flow(5432), unknown, stranger, endless, flow(5432)].join("\n"));
  const stopped = await simulate(file);
  expect(stopped.code).toBe(2);
  expect(stopped.stderr).toContain(`${file}:2:1`);
  expect(stopped.stdout).toBe("");
  const played = await simulate(file, "--keep-going");
  expect(played.code).toBe(2);
  expect(JSON.parse(played.stdout).totals.records).toBe(3);
  for (const word of [":2:1", ":4:1", "`colour`", ":5:1", "did you mean `web`", ":6:1", "longer than"])
    expect(played.stderr).toContain(word);
});
