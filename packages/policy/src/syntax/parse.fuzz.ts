import fc from "fast-check";
import { expect, it } from "vitest";
import { importKubernetes } from "../import/kubernetes/import.ts";
import { policyResources } from "../testing/arbitraries.ts";
import { formatResources } from "./format.ts";
import { parsePolicy } from "./parse.ts";

const RUNS = 800;

/** Text that is nearly a policy: a valid one with pieces cut out, doubled or replaced. */
const nearly = fc
  .tuple(
    policyResources,
    fc.array(fc.tuple(fc.nat(), fc.nat(40), fc.string({ maxLength: 6 })), { maxLength: 4 }),
  )
  .map(([resources, cuts]) =>
    cuts.reduce((text, [at, length, put]) => {
      const start = at % (text.length + 1);
      return text.slice(0, start) + put + text.slice(start + length);
    }, formatResources(resources)),
  );
const text = fc.oneof(
  nearly,
  fc.string({ maxLength: 200 }),
  fc.json(),
  fc.string({ unit: "binary", maxLength: 60 }),
);

it("whatever is read, parsers answer with resources or with problems that have code, place and fix", () => {
  fc.assert(
    fc.property(text, (input) => {
      for (const parse of [parsePolicy, importKubernetes]) {
        const result = parse([{ file: "f.yaml", text: input }]);
        if (result.ok) continue;
        expect(result.error.length).toBeGreaterThan(0);
        for (const { code, message, fix, place } of result.error) {
          expect([code, message, fix].every((one) => typeof one === "string" && one !== "")).toBe(true);
          if (code !== "limit" && code !== "duplicate-name") expect(place?.line).toBeGreaterThan(0);
        }
      }
    }),
    { numRuns: RUNS },
  );
});
