import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VERSION } from "./version.ts";

const folder = import.meta.dirname;

test("every error code of the agent is explained in docs/agent.md, and no other", () => {
  const codes = new Set<string>();
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file.endsWith(".test.ts") || file.startsWith("kernel/")) continue;
    const text = readFileSync(join(folder, file), "utf8");
    for (const match of text.matchAll(
      /(?:\bcode: |agentError\(\s*|\bproblem\(\s*)"([a-z0-9]+(?:-[a-z0-9]+)+|label)"/g,
    )) {
      codes.add(match[1] ?? "");
    }
  }
  const docs = readFileSync(join(folder, "../../../docs/agent.md"), "utf8");
  const table = docs.slice(docs.indexOf("## Errors"), docs.indexOf("## Privileges"));
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  const documented = rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, code]) => code),
  );
  expect(documented.sort()).toEqual([...codes].sort());
});

test("the version told to the controller is the package's", () => {
  expect(JSON.parse(readFileSync(join(folder, "../package.json"), "utf8")).version).toBe(VERSION);
});
