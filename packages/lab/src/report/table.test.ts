import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { formatTable } from "./table.ts";

describe("formatTable", () => {
  it("aligns columns, folds line breaks and cuts what is too long", () => {
    const text = stripVTControlCharacters(
      formatTable(
        ["a", "b"],
        [
          ["one\n two", "x"],
          ["y".repeat(99), "z"],
        ],
      ),
    );
    const lines = text.split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/^one two {2,}x$/);
    expect(lines[2]).toMatch(/^y{57}… {2}z$/);
    expect(lines[0]?.indexOf("b")).toBe(lines[1]?.indexOf("x"));
  });
});
