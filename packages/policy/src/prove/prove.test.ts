import type { Assertion, Resource, Workload } from "@ringwall/model";
import { describe, expect, it, vi } from "vitest";
import { inventoryOf } from "../policy-set/inventory.ts";
import { policySetOf } from "../policy-set/policy-set.ts";
import { decide } from "../spec/decide.ts";
import { parsePolicy } from "../syntax/parse.ts";
import { prove } from "./prove.ts";

// A shared machine may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

const API = "apiVersion: ringwall.dev/v1";

function world(text: string) {
  const parsed = parsePolicy([{ file: "t.yaml", text }]);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const inventory = inventoryOf(parsed.value.workloads);
  if (!inventory.ok) throw new Error("bug: names are distinct");
  return { set: parsed.value, inventory: inventory.value };
}

const SEGMENTS = `
${API}
kind: Segment
metadata: { name: db }
spec: { workloads: { role: db }, mode: block }
---
${API}
kind: Segment
metadata: { name: app }
spec: { workloads: { role: app }, mode: block }
---
${API}
kind: Software
metadata: { name: api }
spec: { anyOf: [{ executable: { path: /api } }] }
---
${API}
kind: Software
metadata: { name: backup }
spec: { anyOf: [{ executable: { path: /backup } }] }
---
`;
const policy = (rules: string) =>
  `${SEGMENTS}${API}\nkind: Policy\nmetadata: { name: p }\nspec:\n  rules:\n${rules}\n`;
const never = (spec: Assertion["spec"]["never"]): Assertion => ({
  apiVersion: "ringwall.dev/v1",
  kind: "Assertion",
  metadata: { name: "never" },
  spec: { never: spec },
});
const ONLY_KNOWN = never({
  from: { software: { not: ["api", "backup"] } },
  to: { segment: "db" },
  ports: ["tcp/5432"],
});

describe("an assertion", () => {
  it("is proved where only the named software is let through", () => {
    const { set, inventory } = world(
      policy(
        "    - { name: r, allow: { from: { segment: app, software: api }, to: { segment: db }, ports: [tcp/5432] } }",
      ),
    );
    expect(prove(set, inventory, ONLY_KNOWN)).toEqual({ proved: true });
  });

  it("fails with an example of workloads nobody has yet, which the evaluator confirms", () => {
    const { set, inventory } = world(
      policy(
        "    - { name: r, allow: { from: { labels: { zone: { exists: true } } }, to: { segment: db } } }",
      ),
    );
    const proof = prove(set, inventory, ONLY_KNOWN);
    if (proof.proved !== false) throw new Error("expected a counter-example");
    const { attempt, workloads, rules } = proof.counterExample;
    expect(workloads.map((one) => one.metadata.labels)).toEqual([{ zone: "another-value" }, { role: "db" }]);
    expect(rules).toEqual(["p/r", "p/r"]);
    const made = inventoryOf(workloads);
    if (!made.ok) throw new Error("bug");
    const other: Resource = {
      apiVersion: "ringwall.dev/v1",
      kind: "Software",
      metadata: { name: "other-software" },
      spec: { anyOf: [{ executable: { path: "/o" } }] },
    };
    const verdict = decide(
      policySetOf([...set.segments, ...set.software, ...set.policies, other]),
      made.value,
      attempt,
    );
    expect(verdict.ok && verdict.value.inbound?.decision).toBe("allow");
  });

  it("is proved where a deny covers every way", () => {
    const rules = `    - { name: r, allow: { to: { segment: db } } }
    - { name: d, deny: { from: { software: { not: [api, backup] } }, to: { segment: db } } }`;
    const { set, inventory } = world(policy(rules));
    expect(prove(set, inventory, ONLY_KNOWN)).toEqual({ proved: true });
  });

  it("finds the one port that a deny leaves open", () => {
    const rules = `    - { name: r, allow: { to: { segment: db }, ports: [tcp/5430-5440] } }
    - { name: d, deny: { to: { segment: db }, ports: [tcp/5430-5431, tcp/5433-5440] } }`;
    const { set, inventory } = world(policy(rules));
    const proof = prove(set, inventory, never({ to: { segment: "db" } }));
    expect(proof.proved === false && proof.counterExample.attempt.port).toBe(5432);
  });

  it("is decided over 30 keys of 50 values without trying them one by one", () => {
    const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);
    const workloads = Array.from(
      { length: 50 },
      (_, v): Workload => ({
        apiVersion: "ringwall.dev/v1",
        kind: "Workload",
        metadata: { name: `w${v}`, labels: Object.fromEntries(keys.map((key) => [key, `v${v}`])) },
        spec: { addresses: [] },
      }),
    );
    const selector = keys.map((key) => `${key}: { not: [v1, v2] }`).join(", ");
    const rules = `    - { name: r, allow: { from: { labels: { ${selector} } }, to: { segment: db } } }
    - { name: d, deny: { from: { labels: { k29: { exists: true } } }, to: { segment: db } } }`;
    const { set } = world(policy(rules));
    const inventory = inventoryOf(workloads);
    if (!inventory.ok) throw new Error("bug");
    const holds = never({ from: { labels: { k29: { exists: true } } }, to: { segment: "db" } });
    expect(prove(set, inventory.value, holds)).toEqual({ proved: true });
    expect(prove(set, inventory.value, never({ to: { segment: "db" } })).proved).toBe(false);
  });
});
