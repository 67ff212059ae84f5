import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hostPolicyOf } from "../testing/host-policy.ts";
import { createGovernor, type Governor } from "./governor.ts";
import { loadPolicyState, NO_POLICY } from "./policy-store.ts";
import { switchAndDrain } from "./switch-and-drain.ts";

let folder: string;
let nowNs: bigint;
/** What the kernel was told, in order. */
let enforced: bigint[];
let refuse: bigint | undefined;
/** What draining the former policy's flows fails with, and what was said about it. */
let drainFails: Error | undefined;
let drainErrors: unknown[];
let inKernel: bigint;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringwall-governor-"));
  nowNs = 1_000_000_000_000n;
  enforced = [];
  refuse = undefined;
  drainFails = undefined;
  drainErrors = [];
  inKernel = 0n;
});
afterEach(() => rm(folder, { recursive: true }));

async function start(bootId = "boot-1", wallMs = 1_700_000_000_000): Promise<Governor> {
  const governor = await createGovernor({
    stateDir: folder,
    workload: "web-1",
    clocks: { bootId, bootNs: () => nowNs, wallMs: () => wallMs },
    capabilities: new Set(),
    inKernel: () => inKernel,
    enforce: (generation) =>
      switchAndDrain({
        apply: async () => {
          if (generation === refuse) throw new Error("no room");
          enforced.push(generation);
        },
        drain: async () => {
          if (drainFails !== undefined) throw drainFails;
        },
        onDrainError: (error) => drainErrors.push(error),
      }),
    onChange: () => undefined,
  });
  await governor.start();
  return governor;
}

function offer(governor: Governor, generation: bigint, confirmWithinSeconds = 0) {
  const bytes = Buffer.from(JSON.stringify(hostPolicyOf()));
  const digest = createHash("sha256").update(bytes).digest();
  return governor.offer({ generation, bytes, digest, confirmWithinSeconds });
}
const passSeconds = (seconds: number) => {
  nowNs += BigInt(seconds) * 1_000_000_000n;
};

describe("the promise to put a policy back", () => {
  test("is kept though nothing can be saved, and saved once that is possible again", async () => {
    const governor = await start();
    await offer(governor, 1n);
    await offer(governor, 2n, 1);
    await rm(join(folder, "policy.json"));
    await mkdir(join(folder, "policy.json", "in-the-way"), { recursive: true });
    passSeconds(2);
    await expect.poll(() => enforced).toEqual([1n, 2n, 1n]);
    expect(governor.state()).toMatchObject({ current: { generation: 1n }, waiting: null });
    await rm(join(folder, "policy.json"), { recursive: true });
    await expect
      .poll(() => loadPolicyState(folder))
      .toMatchObject({ current: { generation: 1n }, waiting: null, revertedGeneration: 2n });
    governor.stop();
  });

  test("and the policy in force do not depend on draining the former one's flows", async () => {
    const governor = await start();
    await offer(governor, 1n);
    drainFails = new Error("the ring is gone");
    expect(await offer(governor, 2n, 60)).toMatchObject({ ok: true });
    expect(governor.state()).toMatchObject({
      current: { generation: 2n },
      waiting: { former: { generation: 1n } },
    });
    expect(governor.problems()).toEqual([]);
    expect(drainErrors).toEqual([drainFails]);
    governor.stop();
    passSeconds(61);
    (await start()).stop();
    expect(enforced).toEqual([1n, 2n, 1n]);
  });

  test("is kept by an agent that was restarted after the deadline", async () => {
    const first = await start();
    await offer(first, 1n);
    await offer(first, 2n, 60);
    first.stop();
    passSeconds(61);
    const second = await start();
    expect(enforced).toEqual([1n, 2n, 1n]);
    expect(second.state()).toMatchObject({
      current: { generation: 1n },
      waiting: null,
      revertedGeneration: 2n,
    });
    expect(second.problems()[0]?.code).toBe("policy-reverted");
    second.stop();
  });

  test("is kept over a restart before the deadline", async () => {
    const first = await start();
    await offer(first, 1n);
    await offer(first, 2n, 60);
    first.stop();
    passSeconds(30);
    const second = await start();
    expect(enforced).toEqual([1n, 2n, 2n]);
    second.stop();
    passSeconds(31);
    const third = await start();
    expect(enforced.at(-1)).toBe(1n);
    third.stop();
  });

  test("after a restart of the machine, the calendar decides", async () => {
    const first = await start();
    await offer(first, 1n);
    await offer(first, 2n, 60);
    first.stop();
    nowNs = 5n;
    (await start("boot-2", 1_700_000_059_000)).stop();
    expect(enforced.at(-1)).toBe(2n);
    (await start("boot-2", 1_700_000_060_000)).stop();
    expect(enforced.at(-1)).toBe(1n);
  });

  test("is kept by the running agent, and is off once confirmed", async () => {
    const governor = await start();
    await offer(governor, 1n);
    await offer(governor, 2n, 1);
    await governor.confirm(1n);
    passSeconds(2);
    for (let tries = 0; tries < 3000 && enforced.length < 3; tries++) await sleep(20);
    expect(enforced).toEqual([1n, 2n, 1n]);
    await offer(governor, 3n, 1);
    await governor.confirm(3n);
    passSeconds(2);
    await sleep(1200);
    expect(enforced).toEqual([1n, 2n, 1n, 3n]);
    governor.stop();
  });

  test("goes back to the last confirmed policy, not to one that waited itself", async () => {
    const governor = await start();
    await offer(governor, 1n);
    await offer(governor, 2n, 60);
    await offer(governor, 3n, 60);
    governor.stop();
    passSeconds(61);
    (await start()).stop();
    expect(enforced.at(-1)).toBe(1n);
  });

  test("where nothing was in force before, nothing is governed again", async () => {
    const governor = await start();
    await offer(governor, 1n, 60);
    governor.stop();
    passSeconds(61);
    (await start()).stop();
    expect(enforced).toEqual([1n, 0n]);
  });
});

test("a policy that the kernel refuses changes neither what is in force nor what is saved", async () => {
  const governor = await start();
  await offer(governor, 1n);
  refuse = 2n;
  expect(await offer(governor, 2n)).toMatchObject({ ok: false, error: [{ code: "kernel-refused" }] });
  expect(governor.state().current?.generation).toBe(1n);
  governor.stop();
  (await start()).stop();
  expect(enforced).toEqual([1n, 1n]);
});

test("has settled when what was offered before is in force", async () => {
  const governor = await start();
  void offer(governor, 1n);
  expect(governor.state().current).toBeNull();
  await governor.settled();
  expect(governor.state().current?.generation).toBe(1n);
});

test("the same generation again, as after a reconnection, changes nothing", async () => {
  const governor = await start();
  await offer(governor, 1n, 60);
  expect(await offer(governor, 1n, 60)).toEqual({ ok: true, value: undefined });
  expect(enforced).toEqual([1n]);
  governor.stop();
});

test("a saved policy that was edited gives way to the controller's, once, and is told", async () => {
  const first = await start();
  await offer(first, 4n);
  first.stop();
  const file = join(folder, "policy.json");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace('"outbound":"block"', '"outbound":"observe"'));
  const governor = await start();
  expect(governor.state().current?.policy.modes.outbound).toBe("observe");
  await offer(governor, 4n);
  expect(governor.state().current?.policy.modes.outbound).toBe("block");
  expect(enforced).toEqual([4n, 4n, 4n]);
  expect(governor.problems().map(({ code }) => code)).toEqual(["state-edited"]);
  expect(await readFile(file, "utf8")).toBe(text);
  await offer(governor, 4n);
  await offer(governor, 5n);
  expect(enforced).toEqual([4n, 4n, 4n, 5n]);
  expect(governor.problems().map(({ code }) => code)).toEqual(["state-edited"]);
  governor.stop();
});

test("a saved policy that is as the controller gave it out is put in force once", async () => {
  const first = await start();
  await offer(first, 4n);
  first.stop();
  const governor = await start();
  await offer(governor, 4n, 60);
  expect(enforced).toEqual([4n, 4n]);
  expect(governor.problems()).toEqual([]);
  governor.stop();
});

test("a saved policy that is gone is told where the kernel still has one", async () => {
  expect((await start()).problems()).toEqual([]);
  inKernel = 7n;
  const governor = await start();
  expect(governor.problems().map(({ message }) => message)).toEqual([
    expect.stringContaining("generation 7 stays in the kernel"),
  ]);
  expect(enforced).toEqual([]);
});

test("a saved state that can't be read counts as none", async () => {
  const file = join(folder, "policy.json");
  for (const text of ["", "{", "null", '{"current":{"generation":"x"}}']) {
    await writeFile(file, text);
    expect(await loadPolicyState(folder)).toEqual(NO_POLICY);
  }
  await fc.assert(
    fc.asyncProperty(fc.json(), async (text) => {
      await writeFile(file, text);
      expect(await loadPolicyState(folder)).toEqual(NO_POLICY);
    }),
    { numRuns: 50 },
  );
  expect(await readFile(file, "utf8")).toBeDefined();
});

test("generations in force never fall but by a promise kept", async () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("offer" as const),
      generation: fc.bigInt(1n, 20n),
      seconds: fc.constantFrom(0, 60),
    }),
    fc.record({
      kind: fc.constant("confirm" as const),
      generation: fc.bigInt(1n, 20n),
      seconds: fc.constant(0),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      await rm(join(folder, "policy.json"), { force: true });
      enforced = [];
      const governor = await start();
      for (const { kind, generation, seconds } of steps) {
        if (kind === "offer") await offer(governor, generation, seconds);
        else await governor.confirm(generation);
      }
      governor.stop();
      expect(enforced).toEqual([...enforced].sort((a, b) => Number(a - b)));
      expect(new Set(enforced).size).toBe(enforced.length);
      expect((await loadPolicyState(folder)).current?.generation ?? 0n).toBe(enforced.at(-1) ?? 0n);
    }),
    { numRuns: 40 },
  );
});
