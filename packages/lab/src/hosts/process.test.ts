import { afterEach, describe, expect, it, vi } from "vitest";

/** More than the command takes, on any machine. */
const MUCH_SLOWER = "100000";

async function onMachine(slowness: string) {
  vi.stubEnv("RINGWALL_TEST_SLOWNESS", slowness);
  vi.resetModules();
  return import("./process.ts");
}

describe("a command of the lab", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("is ended when it takes longer than it may", async () => {
    const { runToEnd } = await onMachine("1");
    expect(await runToEnd(["sleep", "infinity"], 1)).toMatchObject({ timedOut: true });
  });

  it("may take as much longer as the machine is slower", async () => {
    const { runToEnd } = await onMachine(MUCH_SLOWER);
    expect(await runToEnd(["sleep", "0.1"], 1)).toMatchObject({ timedOut: false, code: 0 });
  });
});
