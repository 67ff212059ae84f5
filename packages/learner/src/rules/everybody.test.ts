import { describe, expect, test } from "vitest";
import { type Fleet, widened } from "./everybody.ts";
import type { RuleDraft } from "./merge.ts";

const segments = (numbers: readonly number[]): RuleDraft["from"] =>
  numbers.map((number) => ({ kind: "segment", number }));
const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, number) => number);

function draft(from: readonly number[], port = "tcp/8761"): RuleDraft {
  return {
    from: segments(from),
    fromSoftware: [0],
    to: segments([0]),
    toSoftware: [1],
    ports: [port],
    at: "both",
    links: [],
    confidence: 1,
  };
}
const isWide = (rule: RuleDraft, fleet: Partial<Fleet> & Pick<Fleet, "sizes">): boolean =>
  widened(rule, { coverage: 0.5, tightness: 0.5, ...fleet }).everybody === true;

describe("a list of segments", () => {
  const small = [2, ...numbers(9).map(() => 1)];

  test("is every workload where the ones left out are small enough to have been missed", () => {
    expect(isWide(draft(numbers(7)), { sizes: small, coverage: 0.5 })).toBe(true);
    expect(isWide(draft(numbers(7)), { sizes: small, coverage: 0.95 })).toBe(false);
  });

  test("stays a list where a large segment would have shown", () => {
    const sizes = [2, 1, 1, 1, 1, 1, 1, 6, 6, 6];
    expect(isWide(draft(numbers(7)), { sizes })).toBe(false);
  });

  test("is widened less the tighter the knob, and at 1 only where it holds all", () => {
    const wide = [0, 0.25, 0.5, 0.75, 1].map((tightness) =>
      isWide(draft(numbers(7)), { sizes: small, tightness }),
    );
    expect(wide).toEqual([...wide].sort((a, b) => Number(b) - Number(a)));
    expect(wide.at(-1)).toBe(false);
  });

  test("of a port that platforms need is every workload's sooner", () => {
    const sizes = [1, 1, 1, 1, 2, 2];
    expect(isWide(draft([1, 2, 3, 4]), { sizes })).toBe(false);
    expect(isWide(draft([1, 2, 3, 4], "udp/53"), { sizes })).toBe(true);
  });

  test("of two or of other things than segments is a list", () => {
    expect(isWide(draft([0, 1]), { sizes: [1, 1] })).toBe(false);
    const mixed = { ...draft(numbers(7)), from: [...segments(numbers(7)), { kind: "internet" as const }] };
    expect(isWide(mixed, { sizes: small })).toBe(false);
  });
});
