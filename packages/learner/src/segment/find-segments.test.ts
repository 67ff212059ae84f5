import { describe, expect, test } from "vitest";
import { daily, host, learned, nginx, postgres, shop, shopFlows } from "../testing/records.ts";

const labelsOf: Readonly<Record<string, Record<string, string>>> = {
  "web-1": { app: "shop", role: "web" },
  "app-1": { app: "shop", role: "api" },
  "app-2": { app: "shop", role: "api" },
  db: { app: "shop", role: "db" },
};
const members = (result: ReturnType<typeof learned>): Record<string, readonly string[]> =>
  Object.fromEntries(result.report.segments.map((segment) => [segment.name, segment.members]));

describe("segments", () => {
  test("without labels, hosts with the same program and neighbours are one segment", () => {
    expect(members(learned(shopFlows(10), shop))).toEqual({
      app: ["app-1", "app-2"],
      db: ["db"],
      web: ["web-1", "web-2"],
    });
  });

  test("labels are kept, and a host that people forgot joins those that do the same", () => {
    const inventory = shop.map((one) =>
      host(one.metadata.name, one.spec.addresses[0] ?? "", labelsOf[one.metadata.name]),
    );
    const result = learned(shopFlows(10), inventory);
    expect(members(result)).toEqual({
      "shop-api": ["app-1", "app-2"],
      "shop-db": ["db"],
      "shop-web": ["web-1", "web-2"],
    });
    expect(result.report.segments.find(({ name }) => name === "shop-web")?.why).toContain("label it alike");
  });

  test("a labelled segment selects by labels, so that tomorrow's replicas belong to it", () => {
    const inventory = shop.map((one) =>
      host(one.metadata.name, one.spec.addresses[0] ?? "", { app: one.metadata.name.split("-")[0] ?? "" }),
    );
    const segments = learned(shopFlows(10), inventory).resources.filter((one) => one.kind === "Segment");
    expect(segments.map((segment) => segment.spec.workloads)).toEqual([
      { app: "app" },
      { app: "db" },
      { app: "web" },
    ]);
  });

  test("hosts that serve different ports with the same program are different segments", () => {
    const flows = [
      ...daily({ workload: "web-1", ...nginx }, { workload: "db", ...postgres }, 5432, 5),
      ...daily({ workload: "web-1", ...nginx }, { workload: "app-1", ...postgres }, 6432, 5),
    ];
    const found = members(learned(flows, shop));
    expect(Object.values(found).filter((own) => own.includes("db") && own.includes("app-1"))).toEqual([]);
  });
});
