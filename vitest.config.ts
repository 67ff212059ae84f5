import { defineConfig } from "vitest/config";

const pure = ["model", "policy", "learner", "protocol"];
/** On emulated processors (`make test-kernels`) everything takes longer. */
const slowness = Number(process.env["RINGWALL_TEST_SLOWNESS"] ?? 1);
const ignored = ["**/node_modules/**", "**/dist/**", "**/build/**"];

/** Fast ones first; `system` needs real kernels, databases and ports, so its files run one after another. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [...pure.map((name) => `packages/${name}/**/*.test.ts`), "tests/**/*.test.ts"],
          exclude: ignored,
          testTimeout: 120_000,
        },
      },
      { test: { name: "fuzz", include: ["packages/**/*.fuzz.ts"], exclude: ignored, testTimeout: 120_000 } },
      {
        test: {
          name: "system",
          include: ["packages/*/**/*.test.{ts,tsx}"],
          exclude: [...ignored, ...pure.map((name) => `packages/${name}/**`)],
          fileParallelism: false,
          // Real traffic on a machine that others use: a second try, printed as `retry x1`. Twice is a failure.
          retry: 1,
          testTimeout: 120_000 * slowness,
          hookTimeout: 120_000 * slowness,
        },
      },
      {
        test: {
          name: "browser",
          include: ["packages/**/*.e2e.ts"],
          exclude: ignored,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
