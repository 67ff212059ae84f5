import type { Policy } from "@ringwall/model";
import { formatResources, parsePolicy } from "@ringwall/policy";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import type { ProposedRule } from "./rejection.ts";
import { editRules, type RuleEdit } from "./rule-files.ts";

vi.mock(import("yaml"), async (original) => {
  const yaml = await original();
  return { ...yaml, parseAllDocuments: vi.fn(yaml.parseAllDocuments) as typeof yaml.parseAllDocuments };
});
beforeEach(() => vi.clearAllMocks());

const rule = (name: string, port = 1): ProposedRule => ({
  name,
  allow: { from: { segment: "web" }, to: { segment: "db" }, ports: [`tcp/${port}`] },
});
const EMPTY = { text: "" };
const remove = (name: string, policy = "shop", port = 1): RuleEdit => ({
  kind: "remove",
  policy,
  rule: rule(name, port),
});
const restore = (name: string, policy = "shop"): RuleEdit => ({ ...remove(name, policy), kind: "restore" });
const edited = (text: string, ...edits: RuleEdit[]) =>
  editRules([{ text }], edits, EMPTY)
    .map((file) => file.text)
    .join("<another file>");
const names = (text: string) => {
  const parsed = parsePolicy([{ file: "p.yaml", text }]);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value.policies.map(({ metadata, spec }) => [
    metadata.name,
    ...spec.rules.map((one) => one.name),
  ]);
};

const TEXT = `# owned by the shop's team
apiVersion: ringwall.dev/v1
kind: Policy
metadata: { name: shop }
spec:
  rules:
    # 4 edges, seen daily
    - name: one
      allow: { from: { segment: web }, to: { segment: db }, ports: [tcp/1] }

    # ours, by hand
    - name: two   # keep
      allow: { ports: [tcp/1], to: { segment: db }, from: { segment: web } }
    # 1 edge
    - name: three
      allow:
        from: { segment: web }
        to: { segment: db }
        ports: [tcp/1]
---
apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: web } # the front
spec: { workloads: {} }
`;

describe("removing rules from a policy's text", () => {
  test("takes the comment right above with it, and leaves every other byte", () => {
    expect(edited(TEXT, remove("one"))).toBe(TEXT.replace(/ {4}# 4 edges[\s\S]*?tcp\/1\] \}\n/, ""));
    expect(edited(TEXT, remove("three"))).toBe(TEXT.replace(/ {4}# 1 edge[\s\S]*?\[tcp\/1\]\n/, ""));
  });

  test("knows a rule whatever the order of its keys, and leaves one that people changed", () => {
    expect(edited(TEXT, remove("two"))).not.toContain("name: two");
    expect(edited(TEXT, remove("one", "shop", 2))).toBe(TEXT);
    expect(edited(TEXT, remove("one", "other"))).toBe(TEXT);
  });

  test("a policy goes with its last rule, the documents beside it stay", () => {
    const text = edited(TEXT, remove("two"), remove("one"), remove("three"));
    expect(text).toBe(`# owned by the shop's team\n${TEXT.slice(TEXT.indexOf("---"))}`);
    expect(parsePolicy([{ file: "p.yaml", text }]).ok).toBe(true);
  });

  test("a file without a change is the same object", () => {
    const files = [{ text: TEXT }, { text: "# nothing here\n" }];
    const made = editRules(files, [remove("one")], EMPTY);
    expect(made[0]).not.toBe(files[0]);
    expect(made[1]).toBe(files[1]);
  });
});

describe("putting rules back", () => {
  test("a rule that was put back is there as before, once", () => {
    const back = edited(edited(TEXT, remove("one")), restore("one"));
    expect(names(back)).toEqual([["shop", "two", "three", "one"]]);
    expect(edited(back, restore("one"))).toBe(back);
    expect(back).toContain("# the front");
  });

  test("where the policy is gone, it comes back as a document of its own, with all of its rules", () => {
    const policy = (...rules: ProposedRule[]): Policy => ({
      apiVersion: "ringwall.dev/v1",
      kind: "Policy",
      metadata: { name: "shop" },
      spec: { rules },
    });
    expect(editRules([], [restore("one")], EMPTY)).toEqual([
      { text: formatResources([policy(rule("one"))]) },
    ]);
    expect(edited(formatResources([policy(rule("one"))]), remove("one"))).toBe("");
    const other = TEXT.replace("name: shop", "name: other");
    expect(names(edited(other, restore("one"), restore("two")))).toEqual([
      ["other", "one", "two", "three"],
      ["shop", "one", "two"],
    ]);
  });

  test("a policy returns into the file that loses its only one, which keeps what else it says", () => {
    const files = [{ path: "policies.yaml", text: TEXT.replace(/ {4}# ours[\s\S]*?---/, "---") }];
    const empty = { path: "policies.yaml", text: "" };
    const made = editRules(files, [remove("one"), restore("two", "other")], empty);
    expect(made.map(({ path }) => path)).toEqual(["policies.yaml"]);
    expect(names(made[0]?.text ?? "")).toEqual([["other", "two"]]);
    expect(made[0]?.text).toContain("# the front");
  });

  test("where no file has a policy, it returns into the file that is meant for it, if there is one", () => {
    const segment = { text: TEXT.slice(TEXT.indexOf("---")) };
    const made = editRules([segment, { text: "" }], [restore("one")], segment);
    expect(made.map(({ text }) => text)).toEqual([expect.stringContaining("# the front"), ""]);
    expect(names(made[0]?.text ?? "")).toEqual([["shop", "one"]]);
  });
});

describe("many edits at once", () => {
  test("parse the text once", () => {
    editRules([{ text: TEXT }], [remove("one"), remove("two"), restore("four"), restore("five")], EMPTY);
    expect(parseAllDocuments).toHaveBeenCalledTimes(1);
  });

  test("make the same as one after the other", () => {
    const orders = [
      "one two",
      "two one",
      "one three",
      "three two",
      "one +four",
      "+four +five",
      "three +four",
    ];
    for (const order of orders) {
      const edits = order
        .split(" ")
        .map((one) => (one.startsWith("+") ? restore(one.slice(1)) : remove(one)));
      const inTurn = edits.reduce((text, edit) => edited(text, edit), TEXT);
      expect(edited(TEXT, ...edits), order).toBe(inTurn);
    }
  });

  test("a policy whose rules all leave while others return keeps what else it says", () => {
    const text = edited(TEXT, remove("one"), remove("two"), remove("three"), restore("four"));
    expect(names(text)).toEqual([["shop", "four"]]);
    expect(text.startsWith("# owned by the shop's team\n")).toBe(true);
  });

  test("of two words on one rule the last counts", () => {
    expect(edited(TEXT, remove("one"), restore("one"))).toBe(TEXT);
    expect(edited(TEXT, restore("one"), remove("one"))).toBe(edited(TEXT, remove("one")));
  });
});
