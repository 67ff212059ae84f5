import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PathCounts } from "./paths.ts";
import { createProfiles, type Profiles } from "./profiles.ts";

const NONE = { sent: 0, proved: 0, missing: 0, wrong: 0 };
const about = (peer: string, counts: Partial<PathCounts>): PathCounts => ({ ...NONE, ...counts, peer });
const T0 = 1_000_000;
const LATER_MS = 10_000;

/** The source says what it sent, the destination what it got; the profile that came of it. */
function exchange(profiles: Profiles, sent: number, got: Partial<PathCounts>, atMs: number) {
  const first = profiles.report("web", about("db", { sent }), atMs);
  const second = profiles.report("db", about("web", got), atMs + 100);
  return second ?? first;
}

describe("the profile of a pair", () => {
  it("leaves out addresses, then ports, while everything that arrives is wrong, and then binds all again", () => {
    const profiles = createProfiles();
    const found: string[] = [];
    for (let i = 0; i < 30; i++) {
      exchange(profiles, 2, { wrong: 2 }, T0 + i * LATER_MS);
      const changes = profiles.changesBetween("db", "web");
      if (found.at(-1) !== changes) found.push(changes);
    }
    expect(found).toEqual(["none", "addresses", "addresses-and-ports", "none"]);
  });

  it("stays as it is from the first right proof on", () => {
    const profiles = createProfiles();
    for (let i = 0; i < 4; i++) exchange(profiles, 2, { wrong: 2 }, T0 + i * LATER_MS);
    expect(profiles.changesBetween("web", "db")).toBe("addresses");
    for (let i = 4; i < 12; i++) exchange(profiles, 2, { proved: 2, wrong: 1 }, T0 + i * LATER_MS);
    expect(profiles.changesBetween("web", "db")).toBe("addresses");
  });

  it("does not change by a clock or a key that was off for a moment", () => {
    const profiles = createProfiles();
    for (let i = 0; i < 9; i++) {
      exchange(profiles, 2, { wrong: 2 }, T0 + 2 * i * LATER_MS);
      exchange(profiles, 2, { proved: 2 }, T0 + (2 * i + 1) * LATER_MS);
    }
    expect(profiles.changesBetween("web", "db")).toBe("none");
  });

  it("does not change by one end's word, or where right proofs arrive beside wrong ones", () => {
    const profiles = createProfiles();
    for (let i = 0; i < 9; i++) {
      const atMs = T0 + i * LATER_MS;
      expect(profiles.report("db", about("web", { wrong: 5 }), atMs)).toBeNull();
      expect(profiles.report("app", about("db", { sent: 5 }), atMs)).toBeNull();
      expect(profiles.report("db", about("app", { proved: 1, wrong: 5 }), atMs)).toBeNull();
    }
  });

  it("is kept over a restart, and forgotten with its hosts", () => {
    const profiles = createProfiles([{ a: "db", b: "web", changes: "addresses" }]);
    expect(profiles.changesBetween("web", "db")).toBe("addresses");
    expect(profiles.forget("web")).toEqual([{ a: "db", b: "web", changes: "addresses" }]);
    expect(profiles.changesBetween("web", "db")).toBe("none");
  });

  it("never binds less without a proof sent and a wrong one got, whatever the agents report", () => {
    const count = fc.nat({ max: 2 });
    const report = fc.record({ from: fc.boolean(), sent: count, proved: count, wrong: count });
    fc.assert(
      fc.property(fc.array(report, { maxLength: 30 }), (reports) => {
        const profiles = createProfiles();
        const sent = { web: 0, db: 0 };
        const wrong = { web: 0, db: 0 };
        reports.forEach(({ from, ...counts }, i) => {
          const [reporter, peer] = from ? (["web", "db"] as const) : (["db", "web"] as const);
          sent[reporter] += counts.sent;
          wrong[reporter] += counts.wrong;
          profiles.report(reporter, about(peer, counts), T0 + i * LATER_MS);
          const could = (sent.web > 0 && wrong.db > 0) || (sent.db > 0 && wrong.web > 0);
          if (!could) expect(profiles.changesBetween("web", "db")).toBe("none");
        });
      }),
    );
  });
});
