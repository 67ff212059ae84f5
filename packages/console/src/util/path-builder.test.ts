import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatOutcomes,
  formatSearchText,
  GROUPINGS,
  MAP_VIEWS,
  OUTCOMES,
  parseFlowsSearch,
  parseMapSearch,
  parseOutcomes,
  parseReviewSearch,
  parseSearchText,
  REVIEW_STATES,
  REVIEW_VIEWS,
  SINCE_CHOICES,
} from "./path-builder.ts";

const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const word = fc.string({ minLength: 1 });

describe("the address of a review", () => {
  it("says everything the page needs to be shown again", () => {
    const search = fc.record({
      view: optional(fc.constantFrom(...REVIEW_VIEWS)),
      state: optional(fc.constantFrom(...REVIEW_STATES)),
      q: optional(word),
      rule: optional(word),
    });
    fc.assert(
      fc.property(search, (wanted) => {
        expect(parseReviewSearch(parseSearchText(formatSearchText(wanted)))).toEqual(wanted);
      }),
    );
  });
});

describe("the address of the map", () => {
  it("says everything the page needs to be shown again", () => {
    const search = fc.record({
      since: optional(fc.constantFrom(...SINCE_CHOICES)),
      outcome: fc.subarray([...OUTCOMES]).map(formatOutcomes),
      segment: optional(word),
      q: optional(word),
      view: optional(fc.constantFrom(...MAP_VIEWS)),
      group: optional(fc.constantFrom(...GROUPINGS)),
      sel: optional(word),
    });
    fc.assert(
      fc.property(search, (wanted) => {
        expect(parseMapSearch(parseSearchText(formatSearchText(wanted)))).toEqual(wanted);
      }),
    );
  });

  it("falls back to the defaults where somebody typed nonsense", () => {
    const anything = fc.dictionary(fc.string(), fc.anything());
    fc.assert(
      fc.property(anything, (raw) => {
        const search = parseMapSearch(raw);
        expect([undefined, ...SINCE_CHOICES]).toContain(search.since);
        expect([undefined, ...MAP_VIEWS]).toContain(search.view);
        expect(parseOutcomes(search.outcome).length).toBeGreaterThan(0);
      }),
    );
    expect(parseFlowsSearch({ since: "1y", verdict: "maybe", workload: "" })).toEqual({
      since: undefined,
      verdict: undefined,
      workload: undefined,
      q: undefined,
    });
  });

  it("is short where all outcomes are shown", () => {
    expect(formatOutcomes(OUTCOMES)).toBeUndefined();
    expect(formatOutcomes([])).toBeUndefined();
    expect(formatSearchText({ outcome: formatOutcomes(["blocked"]), q: "" })).toBe("?outcome=blocked");
  });
});
