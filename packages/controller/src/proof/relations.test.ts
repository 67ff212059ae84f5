import { parseAddress } from "@ringwall/model";
import type { HostPolicy } from "@ringwall/policy";
import { describe, expect, it } from "vitest";
import { isWithin, reachOf } from "./reach.ts";
import { createRelations } from "./relations.ts";
import { createTold } from "./told.ts";

const address = (text: string) => parseAddress(text) ?? -1n;

type Rule = HostPolicy["rules"][number];

function policyWith(sets: HostPolicy["addressSets"], rules: readonly Partial<Rule>[]): HostPolicy {
  return {
    format: 1,
    workload: "a",
    revision: 1,
    modes: { inbound: "block", outbound: null, processes: null },
    fail: "static",
    loopback: "record",
    established: "keep",
    requires: "core",
    selfAddresses: [],
    managedAddresses: [],
    run: [],
    software: {},
    processSelectors: [],
    addressSets: sets,
    rules: rules.map((rule, index) => ({
      id: index + 1,
      name: `p/${index}`,
      direction: "inbound",
      action: "allow",
      precedence: "rule",
      immediate: false,
      process: null,
      peer: null,
      ports: null,
      unproved: [],
      ...rule,
    })),
  };
}

describe("what a policy speaks of", () => {
  const set = { include: ["10.0.0.0/24"], exclude: ["10.0.0.9/32"] };

  it("is the addresses of its rules' peers, without those taken out", () => {
    const reach = reachOf(policyWith([set], [{ peer: 0 }]));
    expect([7, 9].map((last) => isWithin(reach, [address(`10.0.0.${last}`)]))).toEqual([true, false]);
    expect(isWithin(reach, [address("10.0.1.7")])).toBe(false);
    expect(isWithin(reach, [address("10.0.1.7"), address("10.0.0.7")])).toBe(true);
  });

  it("is everybody where a rule for any address asks for software, or for a proof", () => {
    expect(reachOf(policyWith([], [{ remote: [0] }]))).toBe("all");
    expect(reachOf(policyWith([], [{ verifiedRequired: true }]))).toBe("all");
    const named = [{ ...set, fqdn: ["db.example.com"] }];
    expect(reachOf(policyWith(named, [{ peer: 0, remote: [0] }]))).toBe("all");
  });

  it("is nobody where nothing of the peer matters, and essential rules ask nothing", () => {
    expect(reachOf(policyWith([], [{}]))).toEqual([]);
    expect(reachOf(policyWith([set], [{ peer: 0, precedence: "essential" }]))).toEqual([]);
  });
});

describe("relations", () => {
  const places: Record<string, readonly bigint[]> = {
    web: [address("10.0.0.1")],
    db: [address("10.0.0.2")],
    other: [address("10.0.0.3")],
  };
  const of = (name: string) => [{ first: places[name]?.[0] ?? 0n, last: places[name]?.[0] ?? 0n }];
  function fleet(max?: number) {
    const relations = createRelations(
      (workload) => places[workload] ?? [],
      (one) => one === "carrier",
      max,
    );
    for (const name of Object.keys(places)) relations.set(name, []);
    const related = (a: string, b: string) => [relations.relatedTo(a)(b), relations.relatedTo(b)(a)];
    return { relations, related };
  }

  it("hold both ways where either policy speaks of the other's address", () => {
    const { relations, related } = fleet();
    expect(related("web", "db")).toEqual([false, false]);
    expect(relations.set("db", of("web"))).toBe(true);
    expect(relations.set("db", of("web"))).toBe(false);
    expect([related("web", "db"), related("web", "other")]).toEqual([
      [true, true],
      [false, false],
    ]);
    relations.set("other", "all");
    expect(related("web", "other")).toEqual([true, true]);
  });

  it("of a host whose policy nobody has looked at hold with everybody", () => {
    const { relations, related } = fleet();
    relations.forget("db");
    expect(related("web", "db")).toEqual([true, true]);
  });

  it("of a host that proves for its containers hold with everybody", () => {
    const { relations, related } = fleet();
    relations.set("carrier", []);
    expect(related("web", "carrier")).toEqual([true, true]);
  });

  it("of former policies hold until the host has settled", () => {
    const { relations, related } = fleet();
    relations.set("db", of("web"));
    relations.settle("db");
    relations.set("db", of("other"));
    relations.set("db", []);
    expect([related("web", "db"), related("other", "db")]).toEqual([
      [true, true],
      [true, true],
    ]);
    expect([relations.settle("db"), relations.settle("db")]).toEqual([true, false]);
    expect([related("web", "db"), related("other", "db")]).toEqual([
      [false, false],
      [false, false],
    ]);
  });

  it("come of talking only where both ends say so, within a limit", () => {
    const { relations, related } = fleet(1);
    expect(relations.claim("web", "db")).toBe(false);
    expect(related("web", "db")).toEqual([false, false]);
    expect(relations.claim("db", "web")).toBe(true);
    expect(relations.claim("db", "web")).toBe(false);
    expect(related("web", "db")).toEqual([true, true]);
    relations.claim("web", "other");
    expect(related("web", "db")).toEqual([false, false]);
  });
});

describe("waiting until agents are told", () => {
  it("ends when all were told the version, and with the time at the latest", async () => {
    const told = createTold();
    await told.wait([], 5, 60_000);
    let done = false;
    const waiting = told.wait(["a", "b"], 5, 60_000).then(() => {
      done = true;
    });
    told.has("a", 5);
    told.has("b", 4);
    await Promise.resolve();
    expect(done).toBe(false);
    told.has("b", 6);
    await waiting;
    await told.wait(["c"], 7, 1);
  });
});
