import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPaths, PATH_WINDOW_MS, type PathCounts, type Paths, REPORT_LAG_MS } from "./paths.ts";

const NONE = { sent: 0, proved: 0, missing: 0, wrong: 0 };
const about = (peer: string, counts: Partial<PathCounts>): PathCounts => ({ ...NONE, ...counts, peer });
const T0 = PATH_WINDOW_MS * 1000;

/** The source says what it sent, the destination what it got. */
function exchange(paths: Paths, sent: number, got: Partial<PathCounts>, atMs: number) {
  return [
    ...paths.report("a", about("b", { sent }), atMs),
    ...paths.report("b", about("a", got), atMs + 100),
  ].map(({ source, destination, state }) => `${source} → ${destination} ${state}`);
}

describe("a path", () => {
  it("is stripped by both ends' reports, in one direction, and expected again at the first right proof", () => {
    const paths = createPaths();
    expect(exchange(paths, 3, { proved: 3 }, T0)).toEqual([]);
    const later = T0 + 3 * PATH_WINDOW_MS;
    expect(exchange(paths, 2, { missing: 2 }, later)).toEqual(["a → b stripped"]);
    expect([paths.isStripped("a", "b"), paths.isStripped("b", "a")]).toEqual([true, false]);
    expect(exchange(paths, 2, { missing: 2 }, later + 500)).toEqual([]);
    expect(exchange(paths, 1, { proved: 1, missing: 1 }, later + 900)).toEqual(["a → b expected"]);
  });

  it("is stripped whichever end reports first", () => {
    const paths = createPaths();
    expect(paths.report("b", about("a", { missing: 1 }), T0)).toEqual([]);
    expect(paths.report("a", about("b", { sent: 1 }), T0 + 900)).toMatchObject([{ state: "stripped" }]);
  });

  it("is not stripped by one end's word: nothing sent, or nothing missed", () => {
    const paths = createPaths();
    expect(exchange(paths, 0, { missing: 50 }, T0)).toEqual([]);
    expect(exchange(paths, 50, {}, T0 + 10 * PATH_WINDOW_MS)).toEqual([]);
  });

  it("is not stripped by reports of different times", () => {
    const paths = createPaths();
    expect(exchange(paths, 5, {}, T0)).toEqual([]);
    expect(exchange(paths, 0, { missing: 1 }, T0 + 2 * PATH_WINDOW_MS)).toEqual([]);
  });

  it("is not stripped by a program outside the agent's reach beside others that prove", () => {
    const paths = createPaths();
    // All that was sent arrived; the report of it comes before the one of what was sent.
    paths.report("b", about("a", { proved: 4 }), T0);
    paths.report("a", about("b", { sent: 4 }), T0 + 100);
    expect(paths.report("b", about("a", { missing: 1 }), T0 + 200)).toEqual([]);
    // Nor by more packets than proofs that could have been lost.
    paths.report("a", about("b", { sent: 1 }), T0 + 300);
    expect(paths.report("b", about("a", { missing: 3 }), T0 + 400)).toEqual([]);
  });

  it("that was stripped until a moment ago leaves nothing that a program outside could use", () => {
    const paths = createPaths();
    exchange(paths, 6, { missing: 4 }, T0);
    expect(paths.isStripped("a", "b")).toBe(true);
    // The proofs of the restored path are reported by the source after the destination's word of them.
    paths.report("b", about("a", { proved: 2 }), T0 + 1000);
    paths.report("a", about("b", { sent: 3 }), T0 + 1500);
    expect(paths.report("b", about("a", { missing: 1 }), T0 + 1900)).toEqual([]);
    expect(paths.report("b", about("a", { missing: 1 }), T0 + 1000 + REPORT_LAG_MS)).toEqual([]);
  });

  it("that is taken away in the midst of traffic is stripped once reports of before can't be meant", () => {
    const paths = createPaths();
    exchange(paths, 3, { proved: 3 }, T0);
    expect(exchange(paths, 2, { missing: 2 }, T0 + 1000)).toEqual([]);
    expect(exchange(paths, 2, { missing: 2 }, T0 + 200 + REPORT_LAG_MS)).toEqual(["a → b stripped"]);
  });

  it("stays stripped over a restart, and is forgotten with its hosts", () => {
    const paths = createPaths([{ source: "a", destination: "b", sinceMs: T0 }]);
    expect(paths.isStripped("a", "b")).toBe(true);
    paths.forget("b");
    expect(paths.isStripped("a", "b")).toBe(false);
    expect(paths.all()).toEqual([]);
  });

  it("makes room for others only by what is not stripped", () => {
    const paths = createPaths([{ source: "a", destination: "b", sinceMs: T0 }], 3);
    paths.report("c", about("d", { sent: 1 }), T0);
    paths.report("e", about("f", { sent: 1 }), T0);
    expect(paths.all().map((one) => one.source)).toEqual(expect.arrayContaining(["a", "e", "f"]));
    expect(paths.all()).toHaveLength(3);
  });

  it("never is stripped without a proof sent and a packet without one, whatever the agents report", () => {
    const count = fc.nat({ max: 3 });
    const report = fc.record({
      from: fc.boolean(),
      sent: count,
      proved: count,
      missing: count,
      wrong: count,
      pauseMs: fc.nat({ max: PATH_WINDOW_MS }),
    });
    fc.assert(
      fc.property(fc.array(report, { maxLength: 30 }), (reports) => {
        const paths = createPaths();
        let nowMs = T0;
        let [sentByA, missedByB] = [0, 0];
        for (const { from, pauseMs, ...counts } of reports) {
          nowMs += pauseMs;
          if (from) sentByA += counts.sent;
          else missedByB += counts.missing;
          paths.report(from ? "a" : "b", { ...counts, peer: from ? "b" : "a" }, nowMs);
          if (paths.isStripped("a", "b")) expect(Math.min(sentByA, missedByB)).toBeGreaterThan(0);
          if (!from && counts.proved > 0) expect(paths.isStripped("a", "b")).toBe(false);
        }
      }),
    );
  });
});
