import type { Flow } from "@ringwall/model";
import { describe, expect, test } from "vitest";
import { edgesOfFlows } from "../input/edges-of-flows.ts";
import {
  api,
  daily,
  digest,
  host,
  learned,
  nginx,
  type Program,
  postgres,
  shop,
  shopFlows,
} from "../testing/records.ts";
import { drift } from "./drift.ts";

const { resources } = learned(shopFlows(10), shop);

function seen(flows: readonly Flow[], inventory = shop): ReturnType<typeof drift> {
  return drift({ resources, edges: edgesOfFlows(flows, inventory), inventory });
}

function classOf(flows: readonly Flow[], inventory = shop): string | undefined {
  return seen(flows, inventory).drifted[0]?.class;
}

const toDatabase = (program: Program, workload = "app-1"): readonly Flow[] =>
  daily({ workload, ...program }, { workload: "db", ...postgres }, 5432, 1);

describe("drift", () => {
  test("what the policy allows is no drift", () => {
    expect(seen(shopFlows(3)).drifted).toEqual([]);
  });

  test("a host at a new address is the same host", () => {
    const moved = shop.map((one) => (one.metadata.name === "app-1" ? host("app-1", "10.9.9.9") : one));
    expect(seen(shopFlows(1), moved).drifted).toEqual([]);
  });

  test("a new replica is put into its role, and its edges are known", () => {
    const flows = [
      ...daily({ workload: "web-1", ...nginx }, { workload: "app-3", ...api }, 8000, 2),
      ...daily({ workload: "app-3", ...api }, { workload: "db", ...postgres }, 5432, 2),
    ];
    const result = seen(flows, [...shop, host("app-3", "10.0.2.3")]);
    expect(result.replicas.map(({ workload, segment }) => `${workload} → ${segment}`)).toEqual([
      "app-3 → app",
    ]);
    expect(result.drifted.map((edge) => edge.class)).toEqual(["known-role", "known-role"]);
  });

  test("an upgrade that its package vouches for is allowed without a change", () => {
    const upgraded = { ...nginx, exeSha256: digest(99) };
    expect(
      seen(daily({ workload: "web-1", ...upgraded }, { workload: "app-1", ...api }, 8000, 1)).drifted,
    ).toEqual([]);
  });

  test("an upgrade of pinned software on several hosts is known, on one host it is suspicious", () => {
    const later = { ...api, scriptSha256: digest(98) };
    expect(classOf([...toDatabase(later, "app-1"), ...toDatabase(later, "app-2")])).toBe("known-upgrade");
    expect(classOf(toDatabase(later))).toBe("suspicious");
  });

  test("the same program name at another path is suspicious", () => {
    expect(classOf(toDatabase({ ...api, script: "/tmp/app.py" }))).toBe("suspicious");
    expect(classOf(toDatabase({ exe: "/opt/other/postgres", exeSha256: digest(4) }))).toBe("suspicious");
  });

  test("the opposite direction of a known path is suspicious", () => {
    expect(classOf(daily({ workload: "db", ...postgres }, { workload: "app-1", ...api }, 8000, 2))).toBe(
      "suspicious",
    );
  });

  test("one host of a role alone at something new is suspicious", () => {
    expect(classOf(daily({ workload: "web-1", ...nginx }, { workload: "db", ...postgres }, 5432, 1))).toBe(
      "suspicious",
    );
  });

  test("every drifted edge says why in words", () => {
    for (const edge of seen(toDatabase({ exe: "/usr/bin/nmap" })).drifted) expect(edge.words).not.toBe("");
  });
});
