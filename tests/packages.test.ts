// The import table of the architecture, held against the sources: which package may import which, and why not more.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
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

function isTest(file: string): boolean {
  return (
    /\.(test|fuzz|bench|e2e)\.tsx?$/.test(file) || /\/(bench|test|tests|testing|fixtures|mock)\//.test(file)
  );
}

function imports(text: string): string[] {
  return [...text.matchAll(/(?:from|import\()\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

function allowed(specifier: string, row: Row): boolean {
  const target = specifier.replace("@ringwall/", "");
  return row.ours.some((may) => target === may || target.startsWith(`${may}/`));
}

describe("the import table", () => {
  it("names every package there is", () => {
    expect(present.filter((name) => table[name] === undefined)).toEqual([]);
  });

  for (const name of present) {
    const row = table[name];
    if (row === undefined) continue;
    const folder = path.join(root, "packages", name, "src");
    const files = existsSync(folder) && statSync(folder).isDirectory() ? sources(folder) : [];

    it(`lets ${name} import ${row.ours.join(", ") || "nothing of ours"}: ${row.why}`, () => {
      const wrong = files
        .filter((file) => !isTest(file))
        .flatMap((file) =>
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
          .filter(
            (specifier) =>
              !path.resolve(path.dirname(file), specifier).startsWith(path.join(root, "packages", name)),
          )
          .map((specifier) => `${path.relative(root, file)} imports ${specifier}`),
      );
      expect(wrong).toEqual([]);
    });

    if (row.pure) {
      it(`keeps ${name} pure`, () => {
        const wrong = files
          .filter((file) => !isTest(file))
          .flatMap((file) => {
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
