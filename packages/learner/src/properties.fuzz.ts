import type { Flow, FlowEnd } from "@ringwall/model";
import { resource } from "@ringwall/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collectEdges, edgesOfFlows } from "./input/edges-of-flows.ts";
import { learn } from "./learn.ts";
import { host } from "./testing/records.ts";

const hosts = ["web-1", "web-2", "app", "db", "jump", "lone"];
const inventory = hosts.map((name, index) => host(name, `10.0.0.${index + 1}`));
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(arbitrary, { nil: null });

const end: fc.Arbitrary<FlowEnd> = fc.record({
  workload: optional(fc.constantFrom(...hosts, "stranger")),
  ip: optional(
    fc.constantFrom(
      "10.0.0.1",
      "10.0.0.9",
      "127.0.0.1",
      "::1",
      "8.8.8.8",
      "fe80::1",
      "224.0.0.1",
      "10.0.0.255",
    ),
  ),
  fqdn: optional(fc.constant("api.example.com")),
  port: optional(fc.integer({ min: 0, max: 65_535 })),
  exe: optional(
    fc.constantFrom("/usr/sbin/nginx", "/usr/bin/python3", "/tmp/x", "/usr/bin/curl", "/opt/a b/ü"),
  ),
  exeSha256: optional(fc.constantFrom("a".repeat(64), "b".repeat(64))),
  script: optional(fc.constantFrom("/opt/app.py", "/tmp/evil.py")),
  scriptSha256: optional(fc.constant("c".repeat(64))),
  package: optional(fc.constant("nginx")),
  evidence: optional(fc.constantFrom("deb-repo" as const, "manifest-only" as const)),
  environment: optional(fc.constantFrom([], ["LD_PRELOAD=/tmp/x.so"])),
});

const flow: fc.Arbitrary<Flow> = fc
  .record(
    {
      time: fc
        .integer({ min: 0, max: 30 * 24 })
        .map((hour) => new Date(Date.UTC(2026, 10, 1, hour)).toISOString()),
      proto: fc.constantFrom("tcp" as const, "udp" as const, "icmp" as const, "sctp" as const),
      src: end,
      dst: end,
      count: fc.integer({ min: 1, max: 1000 }),
      port: fc.integer({ min: 0, max: 65_535 }),
      state: fc.constantFrom(
        "established" as const,
        "refused" as const,
        "timeout" as const,
        "denied" as const,
      ),
    },
    { requiredKeys: ["time", "proto", "src", "dst"] },
  )
  .map(({ state, count, port, ...rest }) => ({
    ...rest,
    ...(state === undefined ? {} : { state }),
    ...(count === undefined ? {} : { count }),
    ...(port === undefined ? {} : { port }),
  }));

const flows = fc.array(flow, { maxLength: 60 });
const learnFrom = (records: readonly Flow[], tightness = 0.5): ReturnType<typeof learn> =>
  learn({ edges: edgesOfFlows(records, inventory), inventory, tightness, seed: 1, taken: [] });

describe("laws of the learner", () => {
  test("whatever the records, every document is valid and every name is used once", () => {
    fc.assert(
      fc.property(flows, fc.double({ min: 0, max: 1, noNaN: true }), (records, tightness) => {
        const { resources } = learnFrom(records, tightness);
        for (const one of resources) expect(resource.safeParse(one).error).toBeUndefined();
        const names = resources.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
        expect(new Set(names).size).toBe(names.length);
      }),
      { numRuns: 1000 },
    );
  });

  test("the order of records never matters", () => {
    fc.assert(
      fc.property(flows, (records) => {
        expect(learnFrom(records.toReversed())).toEqual(learnFrom(records));
      }),
      { numRuns: 1000 },
    );
  });

  test("an upload that came twice changes no rule", () => {
    fc.assert(
      fc.property(flows, (records) => {
        const once = collectEdges(inventory);
        for (const one of records) once.add(one);
        const again = learnFrom([...records, ...records]);
        expect(again.report.segments).toEqual(learnFrom(records).report.segments);
        expect(edgesOfFlows([...records, ...records], inventory).length).toBe(once.edges().length);
      }),
      { numRuns: 500 },
    );
  });

  test("low-trust software is in no document", () => {
    fc.assert(
      fc.property(flows, (records) => {
        const text = JSON.stringify(learnFrom(records).resources.filter(({ kind }) => kind === "Software"));
        expect(text).not.toContain("/tmp/");
      }),
      { numRuns: 1000 },
    );
  });

  test("a window in which nothing succeeded yields no rule", () => {
    fc.assert(
      fc.property(flows, (records) => {
        const failed = records.map((one) => ({ ...one, proto: "tcp" as const, state: "refused" as const }));
        const { report } = learnFrom(failed);
        expect(report.rules).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});
