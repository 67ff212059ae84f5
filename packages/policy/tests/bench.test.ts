import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { expect, it, vi } from "vitest";

// A shared machine may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

it.each(["compile", "decisions", "simulate"])(
  "the %s benchmark runs small, its result is the one it is compared with",
  (name) => {
    const file = resolve(import.meta.dirname, `../bench/${name}.ts`);
    const output = execFileSync(process.execPath, [file, "--small"], { encoding: "utf8" });
    expect(output).toMatch(/rules [0-9a-f]{12}|sets [0-9a-f]{12}/);
  },
);
