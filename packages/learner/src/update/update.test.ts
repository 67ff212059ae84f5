import { formatResources, parsePolicy } from "@ringwall/policy";
import { describe, expect, test } from "vitest";
import { drift } from "../drift/drift.ts";
import { edgesOfFlows } from "../input/edges-of-flows.ts";
import { proposedRules, type Rejection, rejectionOf } from "../review/rejection.ts";
import { api, daily, digest, host, learned, nginx, postgres, shop, shopFlows } from "../testing/records.ts";
import { editPolicyText } from "./edit-text.ts";
import { applyEdits } from "./edits.ts";
import { update } from "./update.ts";

const { resources } = learned(shopFlows(10), shop);
const inventory = [...shop, host("app-3", "10.0.2.3")];
const newcomer = [
  ...daily({ workload: "web-1", ...nginx }, { workload: "app-3", ...api }, 8000, 5),
  ...daily({ workload: "web-2", ...nginx }, { workload: "app-3", ...api }, 8000, 5),
  ...daily({ workload: "app-3", ...api }, { workload: "db", ...postgres }, 5432, 5),
];
const mailer = ["app-1", "app-2", "app-3"].flatMap((app) =>
  daily({ workload: app, ...api }, { workload: "mail", exe: "/usr/sbin/exim4", exeSha256: digest(7) }, 25, 5),
);

function updated(
  flows: ReturnType<typeof shopFlows>,
  rejected: readonly Rejection[] = [],
  workloads = inventory,
): NonNullable<ReturnType<typeof update>> {
  const result = update({
    resources,
    edges: edgesOfFlows(flows, workloads),
    inventory: workloads,
    tightness: 0.5,
    seed: 1,
    rejected,
  });
  if (result === null) throw new Error("bug: the inventory is valid");
  return result;
}

describe("update", () => {
  test("a known policy needs no change", () => {
    const result = updated(shopFlows(3), [], shop);
    expect(result.edits).toEqual([]);
    expect(result.added).toEqual([]);
  });

  test("a new replica is one more name in its segment, and no rule changes", () => {
    const result = updated([...shopFlows(5), ...newcomer]);
    expect(result.edits.map(({ kind }) => kind)).toEqual(["add-member"]);
    expect(result.added).toEqual([]);
    const after = applyEdits(resources, result.edits);
    expect(drift({ resources: after, edges: edgesOfFlows(newcomer, inventory), inventory }).drifted).toEqual(
      [],
    );
  });

  test("a new service brings documents of its own and leaves the others alone", () => {
    const withMail = [...inventory, host("mail", "10.0.5.1")];
    const result = updated([...shopFlows(5), ...newcomer, ...mailer], [], withMail);
    expect(result.added.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      "Software exim4",
      "Segment mail",
      "Policy mail",
    ]);
    const after = [...applyEdits(resources, result.edits), ...result.added];
    expect(
      drift({ resources: after, edges: edgesOfFlows(mailer, withMail), inventory: withMail }).drifted,
    ).toEqual([]);
  });

  test("a rejected rule is not proposed again", () => {
    const withMail = [...inventory, host("mail", "10.0.5.1")];
    const flows = [...shopFlows(5), ...newcomer, ...mailer];
    const { added } = updated(flows, [], withMail);
    const rejected = [...proposedRules(added).values()].map(({ policy, rule }) =>
      rejectionOf(policy, rule, [...resources, ...added], "mail goes through the relay"),
    );
    const again = updated(flows, rejected, withMail);
    expect(again.report.setAside.map(({ words }) => words).join()).toContain("mail goes through the relay");
    expect(updated(flows, rejected, withMail).added.filter(({ kind }) => kind === "Policy")).toEqual([]);
  });

  test("people's text keeps its comments and order", () => {
    const text = `# the shop, by hand\n${formatResources(resources.filter(({ kind }) => kind === "Segment"))}`;
    const { edits } = updated([...shopFlows(5), ...newcomer]);
    const after = editPolicyText(text, edits);
    expect(after).toContain("# the shop, by hand");
    expect(after).toContain("app-3");
    expect(parsePolicy([{ file: "segments.yaml", text: after ?? "" }]).ok).toBe(true);
    expect(editPolicyText("# nothing of it\n", edits)).toBeNull();
  });
});
