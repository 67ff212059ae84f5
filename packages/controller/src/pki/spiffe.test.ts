import { name } from "@ringwall/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { spiffeIdOf, workloadOf, workloadOfAltName } from "./spiffe.ts";

const workload = fc
  .stringMatching(/^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,40}[A-Za-z0-9])?$/)
  .filter((text) => name.safeParse(text).success);

describe("SPIFFE ids", () => {
  it("name the workload they were made for, whatever its name", () => {
    fc.assert(fc.property(workload, (one) => workloadOf(spiffeIdOf(one)) === one));
  });

  it("of nobody name no workload", () => {
    const others = [
      "spiffe://other/workload/web-1",
      "spiffe://ringwall/workload/",
      "spiffe://ringwall/workload/a, URI:spiffe://ringwall/workload/b",
      "spiffe://ringwall/controller",
      "https://ringwall/workload/web-1",
      "",
    ];
    for (const uri of others) expect(workloadOf(uri)).toBeNull();
  });

  it("are read from a certificate that has exactly one", () => {
    expect(workloadOfAltName("URI:spiffe://ringwall/workload/web-1")).toBe("web-1");
    expect(workloadOfAltName("DNS:x, URI:spiffe://ringwall/workload/web-1")).toBe("web-1");
    expect(
      workloadOfAltName("URI:spiffe://ringwall/workload/a, URI:spiffe://ringwall/workload/b"),
    ).toBeNull();
    expect(workloadOfAltName("DNS:spiffe://ringwall/workload/web-1")).toBeNull();
    expect(workloadOfAltName(undefined)).toBeNull();
  });
});
