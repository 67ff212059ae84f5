import { API_VERSION, type Policy, type Resource, type Segment } from "@ringwall/model";
import { expect, it } from "vitest";
import { segmentOf } from "../testing/resources.ts";
import { withMode } from "./draft.ts";
import { withModesSince } from "./modes-since.ts";

const WEB = segmentOf("web");
const DB = segmentOf("db");
const modes = (resources: readonly Resource[], name: string) => {
  const found = resources.find((one): one is Segment => one.kind === "Segment" && one.metadata.name === name);
  return found?.spec.modes ?? found?.spec.mode;
};

it("a mode that was set since is taken over in its direction, and the draft keeps the others", () => {
  const now = [withMode(WEB, "block", ["inbound"]), DB];
  const draft = [withMode(WEB, "alert", ["outbound", "processes"]), DB];
  const { resources, warnings } = withModesSince(draft, [WEB, DB], now);
  expect(warnings).toEqual([]);
  expect(modes(resources, "web")).toEqual({ inbound: "block", outbound: "alert", processes: "alert" });
  expect(modes(resources, "db")).toBe("observe");
});

it("where the draft says another mode than one that was set since, a warning says which holds", () => {
  const now = [withMode(WEB, "block", ["inbound", "outbound"]), withMode(DB, "alert", undefined)];
  const draft = [withMode(WEB, "alert", ["inbound"]), withMode(DB, "alert", undefined)];
  const { resources, warnings } = withModesSince(draft, [WEB, DB], now);
  expect(modes(resources, "web")).toMatchObject({ inbound: "block", outbound: "block" });
  expect(warnings).toEqual([
    "segment `web` has the modes that were set meanwhile (inbound block), and not the draft's (inbound alert); " +
      "`ringwall mode` sets the draft's",
  ]);
});

it("a mode that nobody has set since is the draft's, and a segment that the draft has no more stays away", () => {
  const now = [WEB, withMode(DB, "alert", undefined)];
  expect(withModesSince([withMode(WEB, "block", undefined)], [WEB, DB], now)).toEqual({
    resources: [withMode(WEB, "block", undefined)],
    warnings: [],
  });
});

it("a direction that the draft governs no more stays away, though its mode was set since", () => {
  const { mode: _, ...spec } = WEB.spec;
  const draft: Segment = { ...WEB, spec: { ...spec, modes: { inbound: "observe" } } };
  const made = withModesSince([draft], [WEB], [withMode(WEB, "block", undefined)]);
  expect(modes(made.resources, "web")).toEqual({ inbound: "block" });
});

it("a direction that a mode was set in, though neither the draft nor what was live governed it, is taken over", () => {
  const { mode: _, ...spec } = WEB.spec;
  const inbound: Segment = { ...WEB, spec: { ...spec, modes: { inbound: "observe" } } };
  const made = withModesSince([inbound], [inbound], [withMode(inbound, "alert", ["outbound"])]);
  expect(modes(made.resources, "web")).toEqual({ inbound: "observe", outbound: "alert" });
});

it("policies are not looked at, however many there are", () => {
  const policy = (): Policy => ({
    ...{ apiVersion: API_VERSION, kind: "Policy", metadata: { name: "shop" } },
    get spec(): Policy["spec"] {
      throw new Error("it was read");
    },
  });
  const draft = policy();
  const made = withModesSince([draft, WEB], [policy(), WEB], [policy(), withMode(WEB, "alert", undefined)]);
  expect(made.resources[0]).toBe(draft);
});
