import { describe, expect, it } from "vitest";
import { parsePublicUrl } from "./public-url.ts";

describe("--public-url", () => {
  it("is an https address of its own", () => {
    expect(parsePublicUrl(undefined)).toBeNull();
    expect(parsePublicUrl("https://Ringwall.Example.com")).toEqual({
      origin: "https://ringwall.example.com",
      hostname: "ringwall.example.com",
    });
    expect(parsePublicUrl("https://[fd00::1]:8443/")).toEqual({
      origin: "https://[fd00::1]:8443",
      hostname: "fd00::1",
    });
    // The default port is not part of an origin.
    expect(parsePublicUrl("https://a.example:443")?.origin).toBe("https://a.example");
  });

  it.each([
    "",
    "a.example",
    "http://a.example",
    "https://a.example/ringwall",
    "https://a.example/?x",
    "https://a.example/#x",
    "https://",
  ])("refuses %s", (text) => {
    expect(() => parsePublicUrl(text)).toThrow(expect.objectContaining({ code: "bad-public-url" }));
  });

  it("quotes no password", () => {
    expect(() => parsePublicUrl("https://me:secret@a.example")).toThrow(/^(?!.*secret).*a\.example/);
  });
});
