import fc from "fast-check";
import { expect, test } from "vitest";
import { createPackageIndexBuilder } from "./package-index.ts";

const md5 = fc.stringMatching(/^[0-9a-f]{32}$/);
const shipped = fc.array(fc.tuple(fc.string(), md5, fc.constantFrom("bash", "libc6", "perl")), {
  maxLength: 300,
});

test("the index answers as a list of all that packages ship would", () => {
  fc.assert(
    fc.property(shipped, fc.string(), md5, (rows, path, digest) => {
      const builder = createPackageIndexBuilder(1000);
      for (const row of rows) expect(builder.add(...row)).toBe(true);
      const { packageOf } = builder.build();
      const names = (where: string, what: string) =>
        rows.filter((row) => row[0] === where && row[1] === what).map((row) => row[2]);
      for (const [where, what] of rows) {
        expect(names(where, what)).toContain(packageOf(where, what));
        expect(packageOf(where, digest)).toBe(names(where, digest)[0]);
      }
      expect(packageOf(path, digest)).toBe(names(path, digest)[0]);
    }),
    { numRuns: 100 },
  );
});

test("what is no MD5 belongs to no package, and past its limit the index takes no more", () => {
  const builder = createPackageIndexBuilder(1);
  expect(builder.add("bin/x", "what?", "bad")).toBe(true);
  expect(builder.add("bin/x", "a".repeat(32), "good")).toBe(true);
  expect(builder.add("bin/y", "b".repeat(32), "more")).toBe(false);
  const { packageOf } = builder.build();
  expect(packageOf("bin/x", "what?")).toBeUndefined();
  expect(packageOf("bin/x", "a".repeat(32))).toBe("good");
  expect(packageOf("bin/y", "b".repeat(32))).toBeUndefined();
});
