import { expect, it } from "vitest";
import { createSharedAddressAlerts } from "./shared-addresses.ts";

/** Hosts with their addresses, as the fleet answers for them. */
function hosts(addresses: Readonly<Record<string, readonly string[]>>) {
  return {
    get: (name: string) => ({ addresses: addresses[name] ?? [] }) as never,
    ownersOf: (address: string) =>
      Object.keys(addresses).filter((name) => addresses[name]?.includes(address)),
  };
}

it("names both hosts of an address once, and again only after it had ended", () => {
  const fleet: Record<string, string[]> = { "web-1": ["10.0.0.1"], "web-2": ["10.0.0.2"] };
  const alertsOf = createSharedAddressAlerts(hosts(fleet));
  expect(alertsOf("web-1", 1)).toEqual([]);
  fleet["web-2"] = ["10.0.0.1", "10.0.0.2"];
  expect(alertsOf("web-2", 2)).toEqual([
    {
      kind: "shared-address",
      workload: "web-2",
      message:
        "`web-1` and `web-2` report the same address 10.0.0.1: no rule by workload matches it until only one of them has it",
      rule: null,
      timeMs: 2,
      count: 1,
    },
  ]);
  expect([...alertsOf("web-1", 3), ...alertsOf("web-2", 4)]).toEqual([]);
  fleet["web-2"] = ["10.0.0.2"];
  expect(alertsOf("web-1", 5)).toEqual([]);
  fleet["web-2"] = ["10.0.0.1"];
  expect(alertsOf("web-2", 6)).toHaveLength(1);
});

it("raises one alert for an address that a whole fleet has, and keeps it short", () => {
  const fleet = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`node-${i}`, ["172.17.0.1"]]));
  const alertsOf = createSharedAddressAlerts(hosts(fleet));
  const alerts = Object.keys(fleet).flatMap((name) => alertsOf(name, 1));
  expect(alerts).toHaveLength(1);
  expect(alerts[0]?.message).toContain("and 46 more report");
});
