// The import table of the architecture, held against the sources: which package may import which, and why not more.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

type Row = {
  /** Packages of ours that it may import. */
  readonly ours: readonly string[];
  /** No I/O, no clock, no randomness, no globals. */
  readonly pure: boolean;
  readonly why: string;
};

const everything = [
  "model",
  "policy",
  "learner",
  "risk",
  "protocol",
  "formats",
  "agent",
  "controller",
  "embed",
  "cli",
  "console",
];

const table: Readonly<Record<string, Row>> = {
  model: { ours: [], pure: true, why: "everything stands on it, so it stands on nothing" },
  policy: { ours: ["model"], pure: true, why: "semantics that depend on nothing can be proved and fuzzed" },
  learner: { ours: ["model", "policy"], pure: true, why: "the same input and seed give the same bytes" },
  risk: { ours: ["model", "policy"], pure: true, why: "an answer about exposure must be repeatable" },
  protocol: {
    ours: ["model"],
    pure: false,
    why: "both sides share it; neither side's code may leak into the other",
  },
  formats: {
    ours: ["model"],
    pure: true,
    why: "parsers of foreign data are fuzzed without a system around them",
  },
  agent: {
    ours: ["model", "policy/lower", "protocol"],
    pure: false,
    why: "the agent carries out a policy; it must not be able to make one",
  },
  controller: {
    ours: ["model", "policy", "learner", "risk", "protocol", "formats"],
    pure: false,
    why: "it never touches a kernel",
  },
  embed: {
    ours: ["model", "policy", "protocol"],
    pure: false,
    why: "it runs inside other people's programs and has to stay small",
  },
  cli: {
    ours: ["model", "policy", "learner", "risk", "protocol", "formats", "agent", "controller"],
    pure: false,
    why: "the one command; the agent only through its entry, never its internals",
  },
  console: {
    ours: ["protocol", "model"],
    pure: false,
    why: "the browser sees the API's client and formatters, nothing of the server",
  },
  lab: { ours: everything, pure: false, why: "it plays the whole product, and nothing imports it" },
};

/**
 * What tests, benchmarks and their helpers may reach beyond their package's row, and why: `from` and `to` are the beginnings
 * of paths below packages/. What is not here holds for them as for every other file.
 */
const extras: readonly { readonly from: string; readonly to: string; readonly why: string }[] = [
  {
    from: "learner/bench/",
    to: "lab/src/fleet/",
    why: "the learner is judged on the fleets that the lab makes, whose truth is known",
  },
  {
    from: "console/e2e/",
    to: "controller/src/testing/",
    why: "the console is driven against the real controller, with agents that speak its protocol",
  },
];

/** What makes a package impure, and what to do instead. */
const impure: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  {
    pattern: /from "node:/,
    instead: "take the data as an argument; I/O belongs to the packages at the edge",
  },
  { pattern: /\bDate\.now\(|new Date\(\)|\bperformance\.now\(/, instead: "take the time as an argument" },
  {
    pattern: /\bMath\.random\(|\bcrypto\.(?:randomUUID|getRandomValues)/,
    instead: "take a seed as an argument",
  },
  {
    pattern: /\bprocess\.(?:env|argv|exit|cwd|hrtime|std)|\bglobalThis\./,
    instead: "take it as an argument",
  },
  { pattern: /\bfetch\(|\bsetTimeout\(|\bsetInterval\(/, instead: "return a value that says what to do" },
];

const root = path.resolve(import.meta.dirname, "..");
const present = readdirSync(path.join(root, "packages")).filter((name) =>
  existsSync(path.join(root, "packages", name, "package.json")),
);

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory())
      return ["node_modules", "dist", "build", "generated"].includes(entry.name) ? [] : sources(full);
    return /\.(ts|tsx)$/.test(entry.name) ? [full] : [];
  });
}

/** Whether the file is none of the product's: those alone may use clocks and files in a pure package, and the extras. */
function isTest(file: string): boolean {
  return (
    /\.(test|fuzz|bench|e2e)\.tsx?$/.test(file) ||
    /\/(bench|e2e|test|tests|testing|fixtures|mock)\//.test(file)
  );
}

function isExtra(from: string, to: string): boolean {
  return (
    isTest(from) && extras.some((one) => below(from).startsWith(one.from) && below(to).startsWith(one.to))
  );
}

function below(file: string): string {
  return path.relative(path.join(root, "packages"), file);
}

function imports(text: string): string[] {
  return [...text.matchAll(/(?:from|import|import\()\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

function allowed(specifier: string, row: Row): boolean {
  const target = specifier.replace("@ringwall/", "");
  return row.ours.some((may) => target === may || target.startsWith(`${may}/`));
}

describe("the import table", () => {
  it("has no extra that nothing needs", () => {
    const needed = (one: (typeof extras)[number]) =>
      sources(path.join(root, "packages", one.from)).some((file) =>
        imports(readFileSync(file, "utf8")).some((specifier) =>
          below(path.resolve(path.dirname(file), specifier)).startsWith(one.to),
        ),
      );
    expect(extras.filter((one) => !needed(one))).toEqual([]);
  });

  it("looks at tests and benchmarks too", () => {
    const seen = present.flatMap((name) => sources(path.join(root, "packages", name))).map(below);
    for (const part of [
      "learner/bench/",
      "console/e2e/",
      "console/mock/",
      "policy/tests/",
      "controller/src/testing/",
    ])
      expect(
        seen.some((file) => file.startsWith(part)),
        part,
      ).toBe(true);
  });

  it("names every package there is", () => {
    expect(present.filter((name) => table[name] === undefined)).toEqual([]);
  });

  for (const name of present) {
    const row = table[name];
    if (row === undefined) continue;
    const folder = path.join(root, "packages", name);
    const files = sources(folder);
    const product = files.filter((file) => file.startsWith(path.join(folder, "src")) && !isTest(file));

    it(`lets ${name} import ${row.ours.join(", ") || "nothing of ours"}: ${row.why}`, () => {
      const wrong = files.flatMap((file) =>
        imports(readFileSync(file, "utf8"))
          .filter(
            (specifier) => specifier.startsWith("@ringwall/") && !specifier.startsWith(`@ringwall/${name}`),
          )
          .filter((specifier) => !allowed(specifier, row))
          .map((specifier) => `${path.relative(root, file)} imports ${specifier}`),
      );
      expect(wrong).toEqual([]);
    });

    it(`keeps ${name} from reaching into another package's folder`, () => {
      const wrong = files.flatMap((file) =>
        imports(readFileSync(file, "utf8"))
          .filter((specifier) => specifier.startsWith("."))
          .filter((specifier) => {
            const target = path.resolve(path.dirname(file), specifier);
            return !target.startsWith(`${folder}/`) && !isExtra(file, target);
          })
          .map((specifier) => `${path.relative(root, file)} imports ${specifier}`),
      );
      expect(wrong).toEqual([]);
    });

    if (row.pure) {
      it(`keeps ${name} pure`, () => {
        const wrong = product.flatMap((file) => {
          const text = readFileSync(file, "utf8");
          return impure
            .filter((ban) => ban.pattern.test(text))
            .map((ban) => `${path.relative(root, file)}: ${ban.pattern} — ${ban.instead}`);
        });
        expect(wrong).toEqual([]);
      });

      it(`compiles ${name} without Node.js types`, () => {
        const config = readFileSync(path.join(root, "packages", name, "tsconfig.json"), "utf8");
        expect(config).not.toContain('"node"');
      });
    }
  }
});
