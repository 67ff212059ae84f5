// The list of ways around in docs/threat-model.md, held against what it says shows each.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { canaries, receiverCanaries } from "../packages/protocol/src/drill/canaries.ts";

const root = path.resolve(import.meta.dirname, "..");
const document = readFileSync(path.join(root, "docs/threat-model.md"), "utf8");
const [, list = ""] = document.split("## The whole list, and what shows each");
const rows = (list.split("\n## ")[0] ?? "")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| tried"))
  .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")));
const attempts = [...canaries, ...receiverCanaries].map(({ id }) => id);

function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].flatMap(([, name]) => (name === undefined ? [] : [name]));
}

describe("the threat model", () => {
  it("has a list", () => {
    expect(rows.length).toBeGreaterThan(20);
  });

  it.each(rows.map((row) => [row[0], row[1]]))("says what shows: %s", (_, shown = "") => {
    const names = namesIn(shown);
    if (names.length === 0) expect(shown).toMatch(/^not shown: /);
    for (const name of names) {
      if (name.endsWith(".test.ts"))
        expect(existsSync(path.join(root, "packages/agent/src", name)), name).toBe(true);
      else if (!name.startsWith("RW_")) expect(attempts).toContain(name);
    }
  });

  it("names every attempt of the drill", () => {
    const named = rows.flatMap((row) => namesIn(row[1] ?? ""));
    expect(attempts.filter((id) => !named.includes(id))).toEqual([]);
  });

  it("names only tests that are there", () => {
    const tests = [...document.matchAll(/`([a-z/-]+\.test\.ts)`/g)].map(([, name = ""]) => name);
    expect(tests.length).toBeGreaterThan(20);
    const missing = tests.filter(
      (name) => !["", "packages/agent/src"].some((folder) => existsSync(path.join(root, folder, name))),
    );
    expect(missing).toEqual([]);
  });
});
