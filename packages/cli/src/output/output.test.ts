import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clean } from "./clean.ts";
import { formatBytes, formatCount, plural } from "./size.ts";
import { formatTable, shorten } from "./table.ts";
import { formatAgo, formatSpan, parseDuration } from "./time.ts";

describe("clean", () => {
  it("shows what a terminal would obey", () => {
    expect(clean("a\u001b[2Jb\nc\u009b31m\u202e")).toBe("a\\u001b[2Jb\\u000ac\\u009b31m\\u202e");
  });

  it("leaves no control character whatever comes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        for (const character of clean(text))
          expect(character >= " " && !/[\u007f-\u009f]/.test(character)).toBe(true);
      }),
    );
  });

  it("keeps JSON the same value", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const compact = JSON.stringify(JSON.parse(json));
        expect(JSON.parse(clean(compact))).toEqual(JSON.parse(compact));
      }),
    );
  });
});

describe("table", () => {
  const columns = [
    { head: "NAME", shrink: "middle" },
    { head: "COUNT", align: "right" },
    { head: "WHY", shrink: "end" },
  ] as const;

  it("aligns columns and ends lines without blanks", async () => {
    const text = await formatTable(
      columns,
      [
        ["web", "7", "x"],
        ["database", "12", ""],
      ],
      undefined,
    );
    expect(text.split("\n")).toEqual(["NAME      COUNT  WHY", "web           7  x", "database     12"]);
  });

  it("is never wider than the terminal as long as every column can keep its least width", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.string(), fc.nat({ max: 99_999 }).map(String), fc.string()), { maxLength: 8 }),
        fc.integer({ min: 30, max: 120 }),
        async (rows, width) => {
          const text = await formatTable(columns, rows, width);
          for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  it("leaves out columns that may go before it cuts the others short", async () => {
    const wide = [
      { head: "NAME", shrink: "end" },
      { head: "BYTES", drop: 1 },
      { head: "WHY", shrink: "end" },
    ] as const;
    const row = ["a-name-of-twenty-one", "123456789", "a reason of some length"];
    expect((await formatTable(wide, [row], 60)).split("\n")[0]).toMatch(/NAME +BYTES +WHY/);
    expect((await formatTable(wide, [row], 40)).split("\n")[1]).toBe(
      "a-name-of-twenty-o…  a reason of some l…",
    );
  });

  it("cuts a path's start, a name's middle, a sentence's end", () => {
    expect(shorten("/usr/lib/postgresql/15/bin/postgres", 14, "start")).toBe("…/bin/postgres");
    expect(shorten("crm-web-1.prod.example.org", 13, "middle")).toBe("crm-we…le.org");
    expect(shorten("a long sentence", 8, "end")).toBe("a long …");
  });
});

describe("times and sizes", () => {
  it("writes spans in their largest unit", () => {
    expect([0, 999, 1000, 59_999, 3_600_000, 200_000_000, -5].map(formatSpan)).toEqual([
      "now",
      "now",
      "1 s",
      "59 s",
      "1 h",
      "2 d",
      "now",
    ]);
    expect(formatAgo("2026-11-20T10:00:00Z", Date.parse("2026-11-20T10:05:00Z"))).toBe("5 min ago");
  });

  it("reads durations and refuses what is none", () => {
    expect(["45", "90s", "5m", "2h", "7d"].map(parseDuration)).toEqual([45, 90, 300, 7200, 604_800]);
    expect(["", "s", "1.5h", "-1", "5 m", "1w"].map(parseDuration)).toEqual(Array(6).fill(undefined));
  });

  it("writes bytes and counts for people", () => {
    expect([0, 999, 1400, 23_400_000, 999_999].map(formatBytes)).toEqual([
      "0 B",
      "999 B",
      "1.4 kB",
      "23 MB",
      "1.0 MB",
    ]);
    expect([formatCount(1_234_567), plural(1, "edge"), plural(2, "edge")]).toEqual([
      "1 234 567",
      "1 edge",
      "2 edges",
    ]);
  });
});
