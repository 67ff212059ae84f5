import type { Policy } from "@ringwall/model";
import { formatResources, parsePolicy } from "@ringwall/policy";
import { describe, expect, test } from "vitest";
import type { ProposedRule } from "./rejection.ts";
import { addRule, appendPolicy, removeRule } from "./rule-text.ts";

const rule = (name: string, port = 1): ProposedRule => ({
  name,
  allow: { from: { segment: "web" }, to: { segment: "db" }, ports: [`tcp/${port}`] },
});

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

describe("removing a rule from a policy's text", () => {
  test("takes the comment right above with it, and leaves every other byte", () => {
    expect(removeRule(TEXT, "shop", rule("one"))).toBe(
      TEXT.replace(/ {4}# 4 edges[\s\S]*?tcp\/1\] \}\n/, ""),
    );
    expect(removeRule(TEXT, "shop", rule("three"))).toBe(
      TEXT.replace(/ {4}# 1 edge[\s\S]*?\[tcp\/1\]\n/, ""),
    );
  });

  test("knows a rule whatever the order of its keys, and leaves one that people changed", () => {
    expect(removeRule(TEXT, "shop", rule("two"))).not.toContain("name: two");
    expect(removeRule(TEXT, "shop", rule("one", 2))).toBeNull();
    expect(removeRule(TEXT, "other", rule("one"))).toBeNull();
  });

  test("a policy goes with its last rule, the documents beside it stay", () => {
    let text = TEXT;
    for (const name of ["two", "one", "three"]) text = removeRule(text, "shop", rule(name)) ?? "not found";
    expect(text).toBe(`# owned by the shop's team\n${TEXT.slice(TEXT.indexOf("---"))}`);
    expect(parsePolicy([{ file: "p.yaml", text }]).ok).toBe(true);
  });

  test("a rule that was put back is there as before", () => {
    const without = removeRule(TEXT, "shop", rule("one")) ?? "";
    const back = addRule(without, "shop", rule("one")) ?? "";
    const parsed = parsePolicy([{ file: "p.yaml", text: back }]);
    expect(parsed.ok && parsed.value.policies[0]?.spec.rules.map(({ name }) => name)).toEqual([
      "two",
      "three",
      "one",
    ]);
    expect(addRule(back, "shop", rule("one"))).toBe(back);
    expect(back).toContain("# the front");
  });

  test("where the policy is gone, it comes back as a document of its own", () => {
    const policy: Policy = {
      apiVersion: "ringwall.dev/v1",
      kind: "Policy",
      metadata: { name: "shop" },
      spec: { rules: [rule("one")] },
    };
    expect(addRule("", "shop", rule("one"))).toBeNull();
    expect(appendPolicy("", "shop", rule("one"))).toBe(formatResources([policy]));
    expect(removeRule(formatResources([policy]), "shop", rule("one"))).toBe("");
  });
});
