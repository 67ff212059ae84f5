import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const source = join(import.meta.dirname, "..");
const errors = new URL("../../../../docs/errors.md", import.meta.url);

it("docs/errors.md explains every code of the command line, and no other", () => {
  const [, section = ""] = /## Command line\n([\s\S]*?)(?=\n## |$)/.exec(readFileSync(errors, "utf8")) ?? [];
  const explained = [...section.matchAll(/^### `([a-z0-9-]+)`$/gm)].map(([, code]) => code);
  const files = globSync("**/*.ts", { cwd: source }).filter(
    (file) => !file.endsWith(".test.ts") && !file.startsWith("testing/"),
  );
  const text = files.map((file) => readFileSync(join(source, file), "utf8")).join("\n");
  const used = [...text.matchAll(/(?:\bfailure\(\s*|\bcode: )"([a-z][a-z0-9-]+)"/g)].map(([, code]) => code);
  expect(explained).toEqual([...new Set(used)].sort());
});
