import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const pure = ["model", "policy", "learner", "protocol"];
/** On emulated processors (`make test-kernels`) everything takes longer. */
const slowness = Number(process.env["RINGWALL_TEST_SLOWNESS"] ?? 1);
const ignored = ["**/node_modules/**", "**/dist/**", "**/build/**"];

/** Nothing but computing: a worker for every processor. */
const computing = { testTimeout: 120_000, maxWorkers: availableParallelism(), exclude: ignored };
/** Real kernels, databases and ports. */
const real = {
  // Real traffic on a machine that others use: a second try, printed as `retry x1`. Twice is a failure.
  retry: 1,
  testTimeout: 120_000 * slowness,
  hookTimeout: 120_000 * slowness,
  // One second is soon gone where two files share a slow machine.
  expect: { poll: { timeout: 20_000 * slowness } },
};
/** About what the whole machine has once, and so no other file may touch it meanwhile. */
const wholeMachine = [
  // Ends what any lab left behind, and wants its own victim to be what it ends.
  "packages/lab/src/hosts/lab.test.ts",
  // Has the machine's apt tell its agent of packages.
  "packages/agent/src/uninstall.test.ts",
];

/**
 * Fast ones first. Files of `system` make what they use (control groups, network namespaces, pins, ports, folders) under
 * names of their own, and mostly wait for timers of the kernel: two at a time, but one on an emulated processor. `alone`
 * comes after them, one file after another.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...computing,
          name: "unit",
          include: [...pure.map((name) => `packages/${name}/**/*.test.ts`), "tests/**/*.test.ts"],
        },
      },
      { test: { ...computing, name: "fuzz", include: ["packages/**/*.fuzz.ts"] } },
      {
        test: {
          ...real,
          name: "system",
          include: ["packages/*/**/*.test.{ts,tsx}"],
          exclude: [...ignored, ...pure.map((name) => `packages/${name}/**`), ...wholeMachine],
          maxWorkers: slowness > 1 ? 1 : 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...real,
          name: "alone",
          include: wholeMachine,
          exclude: ignored,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "browser",
          include: ["packages/**/*.e2e.ts"],
          exclude: ignored,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
