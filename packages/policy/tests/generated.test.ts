import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { resourceSchemas } from "../scripts/schemas.ts";
import { PROBLEM_CODES } from "../src/check/codes.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const read = (file: string) => readFileSync(path.join(root, file), "utf8");

describe("what stands in docs", () => {
  it("has the JSON Schemas that the code defines (`npm run generate` writes them)", () => {
    for (const { file, text } of resourceSchemas()) expect(read(`docs/schemas/generated/${file}`)).toBe(text);
  });

  it("explains every code of the policy engine, and no other", () => {
    const [, section = ""] = /## Policy\n([\s\S]*?)(?=\n## |$)/.exec(read("docs/errors.md")) ?? [];
    const explained = [...section.matchAll(/^### `([a-z-]+)`$/gm)].map(([, code]) => code);
    expect(explained).toEqual(Object.keys(PROBLEM_CODES).sort());
  });

  it("lists every code that the sources use, and no other", () => {
    const folder = path.join(root, "packages/policy/src");
    const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter(
        (file) => file.endsWith(".ts") && !/\.(test|fuzz)\.ts$/.test(file) && !file.endsWith("codes.ts"),
      )
      .map((file) => readFileSync(path.join(folder, file), "utf8"))
      .join("\n");
    const literal = [...sources.matchAll(/\bcode: "([a-z-]+)"/g)].map(([, code]) => code ?? "");
    for (const code of literal) expect(Object.keys(PROBLEM_CODES)).toContain(code);
    // Some are chosen by a condition or made of a kind's name.
    const made = ["unknown-segment", "unknown-software", "unknown-workload"];
    for (const code of Object.keys(PROBLEM_CODES))
      expect(sources.includes(`"${code}"`) || made.includes(code), code).toBe(true);
  });
});
