// Style as a test: what a reviewer would otherwise have to say again and again.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

/** A file longer than this is about more than one thing. */
const FILE_LINES_MAX = 400;
const LINE_COLUMNS_MAX = 160;

const root = path.resolve(import.meta.dirname, "..");
// Files git tracks or would track, so that an unpacked release without git still has nothing to hide behind.
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && existsSync(path.join(root, file)));
const code = files.filter((file) => /\.(ts|tsx|c|h|cc|css)$/.test(file) && !file.includes("/generated/"));

function text(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

function offenders(list: readonly string[], wrong: (content: string, file: string) => boolean): string[] {
  return list.filter((file) => wrong(text(file), file));
}

describe("tidy", () => {
  it("names files in kebab-case, React components in PascalCase, C in snake_case", () => {
    const wrong = code.filter((file) => {
      const base = path.basename(file);
      if (/\.tsx$/.test(base))
        return !/^(?:[A-Z][A-Za-z0-9]*|[a-z0-9-]+)(?:\.(?:test|e2e))?\.tsx$/.test(base);
      if (/\.ts$/.test(base)) return !/^[a-z0-9-]+(?:\.(?:test|fuzz|bench|e2e|config|d))*\.ts$/.test(base);
      if (/\.(c|h)$/.test(base)) return !/^[a-z0-9_]+(?:\.bpf)?\.(c|h)$/.test(base);
      return false;
    });
    expect(wrong).toEqual([]);
  });

  it(`keeps every source file under ${FILE_LINES_MAX} lines`, () => {
    expect(offenders(code, (content) => content.split("\n").length > FILE_LINES_MAX)).toEqual([]);
  });

  it(`keeps lines of code under ${LINE_COLUMNS_MAX} columns`, () => {
    expect(
      offenders(code, (content) => content.split("\n").some((line) => line.length > LINE_COLUMNS_MAX)),
    ).toEqual([]);
  });

  it("leaves no unfinished business behind", () => {
    const words = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK:"];
    expect(offenders(code, (content) => words.some((word) => content.includes(word)))).toEqual([]);
  });

  it("has no focused or merely planned tests", () => {
    const tests = code.filter(
      (file) => /\.(test|fuzz|e2e)\.tsx?$/.test(file) && !file.startsWith("tests/tidy"),
    );
    expect(offenders(tests, (content) => /\b(?:it|test|describe)\.(?:only|todo)\(/.test(content))).toEqual(
      [],
    );
  });

  it("makes folders by makeFolder where people name them: Node.js's `recursive` never returns below /proc", () => {
    const product = code.filter(
      (file) =>
        /^packages\/(?:agent|controller|cli)\/src\//.test(file) && !/\.test\.ts$|\/testing\//.test(file),
    );
    expect(offenders(product, (content) => /mkdir(?:Sync)?\([^;]*recursive: true/.test(content))).toEqual([]);
  });

  it("gives every C file its licence line", () => {
    const c = code.filter((file) => /\.(c|h|cc)$/.test(file));
    expect(offenders(c, (content) => !content.slice(0, 200).includes("SPDX-License-Identifier:"))).toEqual(
      [],
    );
  });

  it("licenses what runs in the kernel under GPL-2.0-only OR BSD-2-Clause", () => {
    const kernel = code.filter((file) => file.startsWith("packages/agent/bpf/"));
    expect(kernel.length).toBeGreaterThan(0);
    expect(offenders(kernel, (content) => !content.includes("(GPL-2.0-only OR BSD-2-Clause)"))).toEqual([]);
  });

  it("gives every package the licence and the exact versions of its dependencies", () => {
    const manifests = files.filter((file) => /^packages\/[^/]+\/package\.json$/.test(file));
    const wrong = manifests.filter((file) => {
      const manifest = JSON.parse(text(file)) as Record<string, unknown>;
      const versions = ["dependencies", "devDependencies", "optionalDependencies"].flatMap((kind) =>
        Object.values((manifest[kind] ?? {}) as Record<string, string>),
      );
      return (
        manifest["license"] !== "Apache-2.0" ||
        versions.some((version) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
      );
    });
    expect(wrong).toEqual([]);
  });

  it("links only to files that exist", () => {
    const wrong = files
      .filter((file) => file.endsWith(".md"))
      .flatMap((file) =>
        [...text(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g)]
          .map((match) => match[1] ?? "")
          .filter((target) => !existsSync(path.resolve(root, path.dirname(file), target)))
          .map((target) => `${file} → ${target}`),
      );
    expect(wrong).toEqual([]);
  });
});
