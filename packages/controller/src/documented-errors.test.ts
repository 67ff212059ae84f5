import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const source = globSync("**/*.ts", { cwd: import.meta.dirname })
  .filter((file) => !file.includes(".test.") && !file.startsWith("testing"))
  .map((file) => readFileSync(path.join(import.meta.dirname, file), "utf8"))
  .join("\n");
const document = readFileSync(path.join(import.meta.dirname, "../../../docs/controller.md"), "utf8");

it("docs/controller.md lists every error code of the controller, and no other", () => {
  const raised = [
    ...source.matchAll(/new ControllerStartError\(\s*"([a-z-]+)"/g),
    ...source.matchAll(/refusal\(\s*\d{3},\s*"([a-z-]+)"/g),
    ...source.matchAll(/status: \d{3},\s*code: "([a-z-]+)"/g),
  ].map((match) => match[1]);
  const listed = [...document.matchAll(/^\| `([a-z-]+)` +\|.*\|$/gm)]
    .map((match) => match[1])
    .filter((code) => !["pki"].includes(code ?? ""));
  expect([...new Set(listed)].sort()).toEqual([...new Set(raised)].sort());
});
