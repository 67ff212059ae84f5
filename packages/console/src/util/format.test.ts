import { describe, expect, it } from "vitest";
import { baseName, formatAge, formatBytes, formatCount, formatCountdown, formatPort } from "./format.ts";

describe("formats", () => {
  it("writes bytes in powers of 1024", () => {
    expect([0, 1023, 1024, 1536, 104_857_600, 5 * 1024 ** 5].map(formatBytes)).toEqual([
      "0 B",
      "1023 B",
      "1.0 KiB",
      "1.5 KiB",
      "100 MiB",
      "5.0 PiB",
    ]);
  });

  it("writes ages that don't jump back when clocks differ", () => {
    const now = Date.parse("2026-11-20T12:00:00Z");
    const ages = [-60_000, 1_000, 40_000, 3_599_000, 47 * 3_600_000, 72 * 3_600_000];
    expect(ages.map((age) => formatAge(now - age, now))).toEqual([
      "just now",
      "just now",
      "40 s ago",
      "59 min ago",
      "47 h ago",
      "3 d ago",
    ]);
  });

  it("counts down to zero and stays there", () => {
    expect([65_000, 59_001, 1, 0, -5_000].map((left) => formatCountdown(left, 0))).toEqual([
      "1:05",
      "1:00",
      "0:01",
      "0:00",
      "0:00",
    ]);
  });

  it("names ports, programs and counts", () => {
    expect(formatPort("tcp", 443)).toBe("tcp/443");
    expect(formatPort("icmp", null)).toBe("icmp");
    expect(["/usr/sbin/nginx", "nginx", "/"].map(baseName)).toEqual(["nginx", "nginx", "/"]);
    expect(formatCount(1_234_567)).toBe("1,234,567");
  });
});
