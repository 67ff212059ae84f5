import type { ProcessIdentity } from "@ringwall/model";
import fc from "fast-check";
import { expect, it } from "vitest";
import { processIdOf } from "./process.ts";

const text = fc.option(fc.string({ maxLength: 20 }), { nil: null });
const identity: fc.Arbitrary<ProcessIdentity> = fc.record({
  exe: fc.string({ maxLength: 20 }),
  exeSha256: text,
  script: text,
  scriptSha256: text,
  unattributable: fc.constantFrom(null, "stdin", "inline"),
  user: text,
  unit: text,
  container: text,
  image: text,
  package: text,
  evidence: fc.constantFrom(null, "deb-repo"),
  environment: fc.array(fc.string({ maxLength: 10 }), { maxLength: 3 }),
});
/** Null and empty text both mean "not known" in a report. */
const stored = (one: ProcessIdentity) =>
  JSON.stringify(one, (_key, value: unknown) => (value === null ? "" : value));

it("a process has one id, and another process has another", () => {
  fc.assert(
    fc.property(identity, identity, (a, b) => {
      expect(processIdOf(a)).toBe(processIdOf({ ...a }));
      expect(processIdOf(a) === processIdOf(b)).toBe(stored(a) === stored(b));
      expect(BigInt(processIdOf(a))).toBeGreaterThan(0n);
    }),
  );
});
