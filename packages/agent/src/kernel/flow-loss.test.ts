/** More flows than the kernel has room for: each is counted as a flow or as lost, to the last one. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestHost } from "./testing/host.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const why = whyNoKernelTests("flow-loss.test.ts");
const LOAD = fileURLToPath(new URL("../../build/key-load", import.meta.url));
const ROOM = 256;
const FLOWS = 1000;
const CLIENT = 7;

describe.skipIf(why !== undefined)("flows beyond the kernel's room", () => {
  let host: TestHost;
  beforeAll(() => {
    host = new TestHost("l");
    host.ip("route", "add", "10.128.0.0/9", "dev", "lo");
  });
  afterAll(() => host.close());

  test.each(["udp", "tcp"])("are counted as lost one by one: %s", async (kind) => {
    host.unload();
    host.reload("--flow-entries", String(ROOM));
    const load = await host.start([LOAD], CLIENT);
    await host.flows();
    const before = host.kernel.counters().flowsFull;
    // Room for other flows is taken first, so that those of TCP, which are all alike, find none either.
    load.child.stdin?.write(`udp 100000 ${FLOWS}\n`);
    await load.line();
    if (kind === "tcp") load.child.stdin?.write(`tcp 100000 ${FLOWS}\n`);
    if (kind === "tcp") await load.line();
    await load.stop();
    const flows = await host.flows();
    const lost = Number(host.kernel.counters().flowsFull - before);
    const counted = flows.reduce((sum, { count }) => sum + Number(count), 0);
    const made = kind === "tcp" ? 3 * FLOWS : FLOWS;
    expect(lost).toBeGreaterThan(0);
    expect(counted + lost).toBe(made);
  });
});
