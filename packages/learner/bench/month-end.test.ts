import { expect, test } from "vitest";
import { buildFleet, type Fleet, workloadOf } from "../../lab/src/fleet/fleet.ts";
import { random } from "../../lab/src/fleet/random.ts";
import { drawTraffic, type Traffic } from "../../lab/src/fleet/traffic.ts";
import { edgesOfFlows, type LearnResult, learn } from "../src/index.ts";
import { shop } from "./corner-shop.ts";
import { judge } from "./fleet-trial.ts";

type Month = { readonly fleet: Fleet; readonly traffic: Traffic; readonly result: LearnResult };

/** A window from the 2nd of November on, and the 30 days after it. */
function learned(windowDays: number): Month {
  const rng = random(4);
  const fleet = buildFleet([shop], rng, { replicasMax: 3, windowDays });
  const traffic = drawTraffic(fleet, rng, { windowDays, laterDays: 30, share: 1, attackShare: 0.01 });
  const inventory = fleet.hosts.map((host) => workloadOf(host, true));
  const edges = edgesOfFlows(traffic.window, inventory);
  return { fleet, traffic, result: learn({ edges, inventory, tightness: 0.5, seed: 1, taken: [] }) };
}

function monthEndAllowed({ fleet, traffic, result }: Month): readonly boolean[] {
  const isAllowed = judge(
    result,
    fleet.hosts.map((host) => workloadOf(host, true)),
  );
  return traffic.later.filter(({ pair }) => pair.kind === "month-end").map(isAllowed);
}

const wordsOf = ({ result }: Month): string => result.report.readiness.map(({ words }) => words).join("\n");

test("a window without a turn of the month says so, and what comes only then is not allowed yet", () => {
  const month = learned(14);
  expect(wordsOf(month)).toContain("month-end has not been seen");
  const allowed = monthEndAllowed(month);
  expect(allowed.length).toBeGreaterThan(0);
  expect(allowed).not.toContain(true);
});

test("what one host did at a single turn of the month is asked about, with the reason", () => {
  const month = learned(35);
  expect(wordsOf(month)).not.toContain("month-end has not been seen");
  const asked = month.result.report.setAside.filter(({ edge }) => edge.srcSoftware === "month-end");
  expect(asked.map(({ reason }) => reason)).toContain("one-off");
});

test("what came back at the next turn is the month's work, and allowed", () => {
  expect(monthEndAllowed(learned(65))).not.toContain(false);
});
