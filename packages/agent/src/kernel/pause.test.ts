/** Break-glass in the kernel: what is refused in block passes and is told, until a deadline that needs no agent. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PAUSE_SECONDS_MAX, pauseLeftMs, setPause } from "../pause/set-pause.ts";
import { TestHost } from "./testing/host.ts";
import { allow, deny, subjects } from "./testing/policies.ts";
import { connect, python, serve } from "./testing/programs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;
const STRANGER = 12;
const BY_HAND = { uid: 0, remote: false };

describe.skipIf(whyNoKernelTests("pause.test.ts"))("a pause by hand", () => {
  let host: TestHost;
  beforeAll(async () => {
    host = new TestHost("a");
    await host.start(serve("127.0.0.1", 8000), SERVER);
  });
  afterAll(async () => host.close());
  beforeEach(async () => {
    setPause(host.kernel, 0, BY_HAND);
    await host.provision({
      modeOut: "block",
      loopbackEnforce: true,
      subjects: subjects(CLIENT, STRANGER),
      policies: [allow({ subject: CLIENT, port: 8000, portBits: 16 })],
    });
    await host.flows();
  });

  const reach = async (identity: number): Promise<number> =>
    (await host.ask<{ errno: number }>(connect("127.0.0.1", 8000), identity)).errno;

  test("lets through what is refused otherwise, with an alert and the reason, and ends at once on demand", async () => {
    expect(await reach(STRANGER)).toBe(host.refusal);
    setPause(host.kernel, 60, BY_HAND);
    expect(await reach(STRANGER)).toBe(0);
    expect(await reach(CLIENT)).toBe(0);
    const flows = await host.flows();
    expect(
      flows.filter(({ direction }) => direction === "out").map(({ verdict, reason }) => [verdict, reason]),
    ).toEqual(
      expect.arrayContaining([
        ["blocked", "defaultDeny"],
        ["wouldBlockAlert", "paused"],
        ["allowed", "ruleAllow"],
      ]),
    );
    setPause(host.kernel, 0, BY_HAND);
    expect(await reach(STRANGER)).toBe(host.refusal);
  });

  test("covers a deny that holds in every mode, raw sockets, and software that nobody knows: nothing is held", async () => {
    await host.provision({
      modeOut: "block",
      loopbackEnforce: true,
      subjects: subjects(CLIENT),
      policies: [deny({ subject: CLIENT, port: 8000, portBits: 16, immediate: true })],
    });
    const raw = python(`
errno = 0
try: socket.socket(socket.AF_INET, socket.SOCK_RAW, 17)
except OSError as problem: errno = problem.errno
print(json.dumps({"errno": errno}), flush=True)`);
    expect(await reach(CLIENT)).toBe(host.refusal);
    expect((await host.ask<{ errno: number }>(raw, CLIENT)).errno).not.toBe(0);
    setPause(host.kernel, 60, BY_HAND);
    expect(await reach(CLIENT)).toBe(0);
    expect((await host.ask<{ errno: number }>(raw, CLIENT)).errno).toBe(0);
    expect(await reach(99)).toBe(0);
  });

  test("ends by itself at its deadline, whether or not an agent is left", async () => {
    setPause(host.kernel, 60, BY_HAND);
    host.stopBeating();
    try {
      expect(await reach(STRANGER)).toBe(0);
      setPause(host.kernel, 2, BY_HAND);
      expect(pauseLeftMs(host.kernel)).toBeGreaterThan(0);
      await expect.poll(() => pauseLeftMs(host.kernel)).toBe(0);
      expect(await reach(STRANGER)).toBe(host.refusal);
    } finally {
      host.startBeating();
    }
  });

  test("a deadline beyond the longest pause counts as none, whoever wrote it", async () => {
    const now = host.kernel.bootNs();
    const beyond = now + BigInt(PAUSE_SECONDS_MAX + 60) * 1_000_000_000n;
    host.kernel.writePause({ untilNs: beyond, sinceNs: now, serial: 9n, uid: 0, remote: false });
    expect(await reach(STRANGER)).toBe(host.refusal);
    setPause(host.kernel, PAUSE_SECONDS_MAX * 10, BY_HAND);
    expect(pauseLeftMs(host.kernel)).toBeLessThanOrEqual(PAUSE_SECONDS_MAX * 1000);
    expect(await reach(STRANGER)).toBe(0);
  });
});
