import type { ProcessIdentity } from "@ringwall/model";
import { processOf } from "@ringwall/model/testing";
import { describe, expect, it } from "vitest";
import { upgradesOf } from "./upgrade-views.ts";
import type { Seen, SeenEnd } from "./window.ts";

const HOUR_MS = 3_600_000;
const program = (digit: string, more: Partial<ProcessIdentity> = {}): ProcessIdentity =>
  processOf({
    exe: "/opt/shop/shopd",
    exeSha256: digit.repeat(64),
    user: "shop",
    package: "shop",
    evidence: "deb-repo",
    ...more,
  });
const at = (workload: string | null, ip: string, process: ProcessIdentity | null = null): SeenEnd => ({
  workload,
  ip,
  process,
});
const seen = (hour: number, src: SeenEnd, dst: SeenEnd, port: number, count = 1): Seen =>
  ({
    src,
    dst,
    port,
    count,
    proto: 6,
    first_ms: hour * HOUR_MS,
    last_ms: hour * HOUR_MS,
    state: "established",
    verdict: "allowed",
    reporter: "source",
    bytes_out: 0,
    bytes_in: 0,
  }) as unknown as Seen;

describe("upgrades", () => {
  const db = at("db-1", "10.0.0.2");
  const old = at("web-1", "10.0.0.1", program("a"));
  const now = at("web-1", "10.0.0.1", program("b"));

  it("show what the new content talks to that the old did not, and what it no longer does", () => {
    const stranger = at(null, "203.0.113.9");
    const views = upgradesOf([
      seen(1, old, db, 5432),
      seen(2, old, db, 6379),
      seen(9, now, db, 5432),
      seen(10, now, stranger, 443, 7),
      seen(10, at("lb-1", "10.0.0.9"), now, 8080),
    ]);
    expect(views).toMatchObject([
      {
        workload: "web-1",
        package: "shop",
        evidence: "deb-repo",
        from: { exeSha256: "a".repeat(64) },
        to: { exeSha256: "b".repeat(64) },
        since: new Date(9 * HOUR_MS).toISOString(),
        newPeers: [
          { direction: "outbound", peer: "203.0.113.9", proto: "tcp", port: 443, count: 7 },
          { direction: "inbound", peer: "lb-1", proto: "tcp", port: 8080, count: 1 },
        ],
        missingPeers: [{ peer: "db-1", port: 6379 }],
      },
    ]);
  });

  it("are none where a program has one content, runs elsewhere, or can't be told", () => {
    expect(upgradesOf([seen(1, old, db, 1), seen(2, at("web-2", "10.0.0.3", program("b")), db, 1)])).toEqual(
      [],
    );
    expect(
      upgradesOf([
        seen(1, old, db, 1),
        seen(2, at("web-1", "10.0.0.1", program("b", { exeSha256: null })), db, 1),
      ]),
    ).toEqual([]);
  });

  it("don't depend on the order of what was seen", () => {
    const list = [seen(1, old, db, 5432), seen(9, now, db, 80), seen(10, now, db, 5432)];
    expect(upgradesOf(list.toReversed())).toEqual(upgradesOf(list));
  });
});
