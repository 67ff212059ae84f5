import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { resourceSchemas } from "../scripts/schemas.ts";
import { PROBLEM_CODES } from "../src/check/codes.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const read = (file: string) => readFileSync(path.join(root, file), "utf8");

/** The whole semantics has to be readable in one sitting. */
const SPEC_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 70;

describe("the reference evaluator", () => {
  const sources = ["decide.ts", "factors.ts"].map((file) => read(`packages/policy/src/spec/${file}`));

  it(`has at most ${SPEC_LINES_MAX} lines, comments included`, () => {
    expect(sources.join("").split("\n").length - 1).toBeLessThanOrEqual(SPEC_LINES_MAX);
    const rest = readdirSync(path.join(root, "packages/policy/src/spec")).filter(
      (file) => !file.endsWith(".test.ts"),
    );
    expect(rest.sort()).toEqual(["decide.ts", "factors.ts"]);
  });

  it(`has no function over ${FUNCTION_LINES_MAX} lines`, () => {
    for (const source of sources)
      for (const [text] of source.matchAll(/^(?:export )?function [\s\S]*?^}$/gm))
        expect(text.split("\n").length, text.slice(0, 60)).toBeLessThanOrEqual(FUNCTION_LINES_MAX);
  });
});

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
