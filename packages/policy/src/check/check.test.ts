import type { Problem } from "@ringwall/model";
import { describe, expect, it } from "vitest";
import { inventoryOf } from "../policy-set/inventory.ts";
import { parsePolicy } from "../syntax/parse.ts";
import { type CheckOptions, checkPolicy } from "./check.ts";

const NOW = Date.parse("2026-11-20T00:00:00Z");
const head = (kind: string, name: string) =>
  `---\napiVersion: ringwall.dev/v1\nkind: ${kind}\nmetadata: { name: ${name} }\n`;
const BASE = `${head("Segment", "db")}spec: { workloads: { role: db }, modes: { inbound: block } }
${head("Software", "pg")}spec: { anyOf: [{ executable: { path: /pg, sha256: ${"a".repeat(64)} } }] }
---
apiVersion: ringwall.dev/v1
kind: Workload
metadata: { name: db-1, labels: { role: db } }
spec: { addresses: [10.0.0.1] }
`;
const rules = (text: string) => `${BASE}${head("Policy", "p")}spec:\n  rules:\n${text}`;
const SSH =
  "    - { name: ssh, allow: { from: { cidr: 10.8.0.0/16 }, to: { segment: db, software: pg }, ports: [tcp/22] } }\n";

function check(text: string, options: Partial<CheckOptions> = {}): readonly Problem[] {
  const parsed = parsePolicy([{ file: "p.yaml", text }]);
  if (!parsed.ok) return parsed.error;
  const inventory = inventoryOf(parsed.value.workloads);
  if (!inventory.ok) return inventory.error;
  return checkPolicy(parsed.value, inventory.value, { nowMs: NOW, ...options });
}
const codes = (problems: readonly Problem[]) => problems.map(({ code }) => code);

describe("check", () => {
  it("finds nothing wrong with a policy that has everything", () => {
    expect(check(rules(SSH))).toEqual([]);
  });

  it("names the nearest name for one that does not resolve, at its place", () => {
    const [problem] = check(
      rules(`${SSH}    - { name: r, allow: { to: { segment: dbb, software: pg } } }\n`),
    );
    expect(problem).toMatchObject({ code: "unknown-segment", severity: "error", fix: "did you mean `db`?" });
    expect(problem?.place).toMatchObject({ file: "p.yaml", line: 23 });
  });

  it("refuses a policy that denies operators outright, and warns where nothing allows them", () => {
    const denied = check(
      rules(`${SSH}    - { name: d, deny: { to: { segment: db } }, enforcement: immediate }\n`),
    );
    expect(denied.find(({ code }) => code === "lockout")?.severity).toBe("error");
    expect(check(BASE).find(({ code }) => code === "lockout")?.severity).toBe("warning");
    const essential = { controller: null, resolvers: [], dhcp: true, management: [] };
    expect(check(BASE, { essential }).find(({ code }) => code === "lockout")?.severity).toBe("error");
    const management = [{ cidrs: ["10.8.0.0/16"], ports: ["tcp/22"] }];
    expect(codes(check(BASE, { essential: { ...essential, management } }))).toEqual([]);
  });

  it("refuses a segment that blocks processes without saying what may run", () => {
    const text = `${rules(SSH)}${head("Segment", "x")}spec: { workloads: { role: db }, mode: block }\n`;
    expect(codes(check(text))).toEqual(["block-without-run"]);
  });

  it("finds rules that add nothing and allows that a deny covers", () => {
    const text =
      rules(`${SSH}    - { name: a, allow: { from: { labels: { x: y } }, to: { segment: db, software: pg } } }
    - { name: b, allow: { from: { labels: { x: y, z: z } }, to: { segment: db, software: pg }, ports: [tcp/1] } }
    - { name: d, deny: { from: { labels: { x: y } } } }\n`);
    const found = check(text).filter(({ code }) => code.endsWith("-rule"));
    expect(found.map(({ code, message }) => [code, message.slice(0, 16)])).toEqual([
      ["unreachable-rule", "the rule `p/a` c"],
      ["shadowed-rule", "the rule `p/b` a"],
    ]);
  });

  it("tells the label that would select something", () => {
    const text = `${rules(SSH)}${head("Segment", "x")}spec: { workloads: { role: bd }, modes: {} }\n`;
    expect(check(text)).toMatchObject([
      { code: "stale-selector", fix: "`role: db` would select 1 workloads" },
    ]);
  });

  it("warns of an expiry two weeks ahead and says when it is over", () => {
    const expiring = (date: string) =>
      rules(SSH).replace("metadata: { name: p }", `metadata: { name: p, expires: ${date} }`);
    expect(codes(check(expiring("2026-12-01")))).toContain("expires-soon");
    expect(codes(check(expiring("2026-11-01")))).toContain("expired");
    expect(codes(check(expiring("2027-11-01")))).toEqual([]);
  });

  it("refuses proof where there can be none", () => {
    const text = rules(
      `${SSH}    - { name: v, allow: { from: { unmanaged: true }, to: { segment: db, software: pg }, verified: required } }\n`,
    );
    expect(codes(check(text))).toContain("verified-impossible");
  });
});

describe("bad input", () => {
  const one = (body: string) => codes(check(`apiVersion: ringwall.dev/v1\n${body}`));
  it("is named by its code", () => {
    expect(one("kind: Segmnt")).toEqual(["unknown-kind"]);
    expect(one("kind: Segment\nmetadata: { name: a }\nspec: { workloads: {}, mod: block }")).toEqual([
      "unknown-key",
    ]);
    expect(one("kind: Segment\nmetadata: { name: a, name: b }\nspec: { workloads: {} }")).toEqual([
      "duplicate-key",
    ]);
    expect(one("kind: Segment\nmetadata:\n\tname: a")).toContain("yaml-tab");
    expect(one("kind: Segment\nmetadata: { name: a }\nspec: { workloads: { tier: 1 } }")).toEqual([
      "wrong-type",
    ]);
    expect(one(`x: ${"[".repeat(20_000)}`)).toEqual(["yaml-too-deep"]);
    const rule = (clause: string) =>
      `kind: Policy\nmetadata: { name: p }\nspec: { rules: [{ name: r, ${clause} }] }`;
    expect(one(rule("allow: { from: { cidr: 10.0.0.1/8 } }"))).toEqual(["host-bits"]);
    expect(one(rule("allow: { ports: [tcp/9-1] }"))).toEqual(["bad-port"]);
    expect(one(rule("deny: { to: { fqdn: a.example } }"))).toEqual(["deny-fqdn"]);
    expect(one(rule("allow: { when: { zone: Mars/Base } }"))).toEqual(["unknown-zone"]);
  });

  it("does not grow when it is read", () => {
    const bomb = `a: &a [x, x]\n${Array.from("bcdefghij", (c, i) => `${c}: &${c} [${Array(9).fill(`*${"abcdefghi"[i]}`).join()}]`).join("\n")}`;
    expect(codes(check(bomb))).toEqual(["yaml-aliases"]);
  });
});
