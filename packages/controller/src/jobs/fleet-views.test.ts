import { API_VERSION, type Segment, type Workload } from "@ringwall/model";
import { inventoryOf, type PolicySet, policySetOf } from "@ringwall/policy";
import { expect, it } from "vitest";
import { segmentOf } from "../testing/resources.ts";
import { segmentViews, workloadViews } from "./fleet-views.ts";
import { mapOf } from "./map-view.ts";
import type { Seen } from "./window.ts";

const COUNT = 60;
/** Looks at one workload or one row that each question may take, whatever the number of segments. */
const LOOKS_MAX = 6;
let looks = 0;

const numbers = Array.from({ length: COUNT }, (_, number) => number);
const segment = (name: string, role: Segment["spec"]["workloads"][string]) =>
  segmentOf(name, { role }, name === "all" ? "alert" : "block");
/** Counts who looks at its labels. */
const workload = (number: number): Workload => ({
  apiVersion: API_VERSION,
  kind: "Workload",
  metadata: {
    name: `w-${number}`,
    get labels() {
      looks += 1;
      return { role: `r-${number}` };
    },
  },
  spec: { addresses: [`10.0.0.${number + 1}`] },
});
const set: PolicySet = policySetOf([
  ...numbers.map((number) => segment(`s-${number}`, `r-${number}`)),
  segment("all", { exists: true }),
]);
const found = inventoryOf(numbers.map(workload));
if (!found.ok) throw new Error("two of one name");
const inventory = found.value;

/** Counts who looks at its ends. */
function row(from: number, to: number, verdict: Seen["verdict"]): Seen {
  const end = (number: number) => ({ workload: `w-${number}`, ip: `10.0.0.${number + 1}`, process: null });
  const rest = {
    src_party: "",
    dst_party: "",
    proto: 6,
    port: 1,
    state: "unknown",
    rule: "",
    fqdn: "",
  } as const;
  return {
    ...rest,
    ...{ known: "unknown", reporter: "source", count: 2, bytes_out: 0, bytes_in: 0, days: 1, verdict },
    ...{ first_ms: 0, last_ms: 0, dst: end(to) },
    get src() {
      looks += 1;
      return end(from);
    },
  };
}
const seen = numbers.flatMap((number) => [
  row(number, (number + 1) % COUNT, "blocked"),
  row(number, number, "would-block"),
  row(number, number, "allowed"),
]);

function looksOf<T>(work: () => T): { readonly value: T; readonly looks: number } {
  const before = looks;
  const value = work();
  return { value, looks: looks - before };
}

it("segments count what touches them, each connection once, and look at each row but once", () => {
  const { value: views, looks } = looksOf(() => segmentViews(set, inventory, seen));
  expect(views.find((one) => one.name === "s-3")).toMatchObject({
    workloads: ["w-3"],
    wouldBlock: 2,
    blocked: 4,
  });
  const all = { workloads: inventory.workloads.map((one) => one.metadata.name) };
  expect(views.find((one) => one.name === "all")).toMatchObject({
    ...all,
    wouldBlock: 2 * COUNT,
    blocked: 2 * COUNT,
  });
  expect(views.map((one) => one.name)).toEqual(set.segments.map((one) => one.metadata.name));
  expect(looks).toBeLessThan((seen.length + COUNT) * LOOKS_MAX);
});

it("workloads and nodes of the map have their segments, and are not asked by each segment", () => {
  const parts = {
    ...{ fleet: { get: () => undefined }, proofs: { awaited: () => new Map() }, hub: {}, rollout: {} },
  } as unknown as Parameters<typeof workloadViews>[2]; // nobody has an agent
  const workloads = looksOf(() => workloadViews(set, inventory, parts));
  expect(workloads.value.find((one) => one.name === "w-3")).toMatchObject({
    segments: ["all", "s-3"],
    modes: { inbound: "block", outbound: "block", processes: "block" },
  });
  expect(workloads.looks).toBeLessThan(COUNT * LOOKS_MAX);
  const map = looksOf(() => mapOf(seen, set, inventory, () => ({ name: "", named: false })));
  expect(map.value.nodes.find((one) => one.id === "w-3")?.segments).toEqual(["all", "s-3"]);
  expect(map.looks).toBeLessThan((seen.length + COUNT) * LOOKS_MAX);
});
