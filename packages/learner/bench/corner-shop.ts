import type { AppGraph } from "../../lab/src/fleet/app-graph.ts";

/** A shop of our own making, so that the benchmark's code runs where no outside graphs are. */
export const shop: AppGraph = {
  name: "corner-shop",
  services: [
    { name: "front", port: 80, product: "nginx" },
    { name: "catalogue", port: 8080, product: "" },
    { name: "basket", port: 8080, product: "" },
    { name: "orders", port: 8080, product: "" },
    { name: "accounts", port: 7001, product: "own:accounts" },
    { name: "store", port: 5432, product: "postgresql" },
    { name: "events", port: 5672, product: "rabbitmq" },
  ],
  calls: [
    ["front", "catalogue"],
    ["front", "basket"],
    ["front", "orders"],
    ["front", "accounts"],
    ["basket", "catalogue"],
    ["orders", "basket"],
    ["orders", "events"],
    ["catalogue", "store"],
    ["orders", "store"],
    ["accounts", "store"],
  ],
  entries: ["front"],
};
