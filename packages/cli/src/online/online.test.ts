import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as rest from "@ringwall/protocol/rest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Failure } from "../failure.ts";
import { changeLines } from "./change.ts";
import { CONFIRM_SECONDS_MAX, CONFIRM_SECONDS_MIN } from "./confirm-within.ts";
import { changeLabels } from "./label.ts";
import { loadPolicyFiles } from "./load-policy-files.ts";

it("the limits of --confirm-within are the protocol's", () => {
  for (const [seconds, isFine] of [
    [CONFIRM_SECONDS_MIN - 1, false],
    [CONFIRM_SECONDS_MIN, true],
    [CONFIRM_SECONDS_MAX, true],
    [CONFIRM_SECONDS_MAX + 1, false],
  ] as const) {
    expect(rest.confirmWithinSeconds.safeParse(seconds).success).toBe(isFine);
  }
});

it("a change that waits says when it reverts and what to type", () => {
  const now = Date.parse("2026-11-20T10:00:00Z");
  const reply = { revision: 7, generation: 12, hosts: { told: 2, connected: 3 }, warnings: [] };
  expect(changeLines({ ...reply, pending: null }, now)).toEqual([
    "revision 7 (generation 12) is in force, 2 of 3 connected hosts told",
  ]);
  const deadline = "2026-11-20T10:01:00Z";
  const lines = changeLines({ ...reply, pending: { revision: 7, generation: 12, deadline, what: "x" } }, now);
  expect(lines[1]).toContain("(in 1 min)");
  expect(lines[2]).toContain("ringwall confirm");
});

describe("labels", () => {
  it("are set, replaced and taken away in order", () => {
    expect(changeLabels({ app: "crm", env: "dev" }, ["env=prod", "app-", "note=a=b"])).toEqual({
      env: "prod",
      note: "a=b",
    });
  });

  it.each(["app", "=x", "-", "a=b".slice(1, 2)])("`%s` is refused", (change) => {
    expect(() => changeLabels({}, [change])).toThrow(Failure);
  });
});

describe("policy files", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "ringwall-cli-"));
    mkdirSync(join(dir, "b"));
    writeFileSync(join(dir, "b/x.yml"), "two");
    writeFileSync(join(dir, "a.yaml"), "one");
    writeFileSync(join(dir, "notes.txt"), "no");
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it("are all YAML files below a folder, each once", () => {
    const files = loadPolicyFiles([dir, join(dir, "a.yaml")]);
    expect(files).toEqual([
      { file: join(dir, "a.yaml"), text: "one" },
      { file: join(dir, "b/x.yml"), text: "two" },
    ]);
  });

  it("that can't be read are all named at once", () => {
    mkdirSync(join(dir, "empty"));
    try {
      loadPolicyFiles([join(dir, "none"), join(dir, "empty")]);
      expect.unreachable();
    } catch (error) {
      expect((error as Failure).problems.map((problem) => problem.message)).toEqual([
        `cannot read \`${dir}/none\`: no such file or folder`,
        `no .yaml or .yml file in \`${dir}/empty\``,
      ]);
    }
  });
});
