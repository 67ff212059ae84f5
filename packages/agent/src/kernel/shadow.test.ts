/** A draft beside the live policy: counted where it differs, and never felt. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SHADOW_SLOT, type SlotContents } from "./contract.ts";
import { TestHost } from "./testing/host.ts";
import { address, allow, deny, peer, subjects } from "./testing/policies.ts";
import { connect, serve } from "./testing/programs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;
const HERE = 5;
const HOUR_NS = 3_600_000_000_000n;
const [OPEN, SHUT] = [8001, 8002];

describe.skipIf(whyNoKernelTests("shadow.test.ts"))("a draft beside the live policy", () => {
  let host: TestHost;
  const base = {
    modeOut: "block",
    modeIn: "ungoverned",
    loopbackEnforce: true,
    failOpen: false,
    cutEstablished: false,
  } as const;
  const known = { peers: [peer("127.0.0.1", HERE)], subjects: subjects(CLIENT, SERVER) };
  const ours = { subject: CLIENT, peer: HERE, portBits: 16 };
  const live: SlotContents = {
    ...base,
    ...known,
    generation: 1n,
    policies: [allow({ ...ours, port: OPEN, rule: 1 }), deny({ ...ours, port: SHUT, rule: 2 })],
  };
  /** The reverse, with other rules. */
  const draft: SlotContents = {
    ...live,
    generation: 9n,
    policies: [deny({ ...ours, port: OPEN, rule: 71 }), allow({ ...ours, port: SHUT, rule: 72 })],
  };

  beforeAll(async () => {
    host = new TestHost("d");
    for (const port of [OPEN, SHUT]) await host.start(serve("127.0.0.1", port), SERVER);
  });
  beforeEach(async () => {
    host.kernel.stopShadow();
    await host.provision(live);
  });
  afterAll(() => host.close());

  async function shadow(contents: SlotContents, forNs = HOUR_NS): Promise<void> {
    host.kernel.stopShadow();
    await host.kernel.writeSlot(SHADOW_SLOT, contents);
    host.kernel.startShadow(host.kernel.bootNs() + forNs);
  }

  /** Errors of one connection to each port. */
  async function knock(): Promise<readonly number[]> {
    const errors: number[] = [];
    for (const port of [OPEN, SHUT]) {
      const { errno } = await host.ask<{ errno: number }>(connect("127.0.0.1", port), CLIENT);
      errors.push(errno);
    }
    await host.flows();
    return errors;
  }

  const outgoing = () =>
    host.kernel
      .readDifferences()
      .filter((one) => one.direction === "out")
      .toSorted((a, b) => a.port - b.port);

  test("counts both kinds of differences by program, peer and both rules, and changes no verdict", async () => {
    expect(await knock()).toEqual([0, host.refusal]);
    await shadow(draft);

    for (let times = 0; times < 3; times++) expect(await knock()).toEqual([0, host.refusal]);

    expect(outgoing()).toMatchObject([
      {
        identity: CLIENT,
        address: address("127.0.0.1"),
        port: OPEN,
        liveVerdict: "allowed",
        liveRule: 1,
        draftVerdict: "blocked",
        draftRule: 71,
        count: 3n,
      },
      { port: SHUT, liveVerdict: "blocked", liveRule: 2, draftVerdict: "allowed", draftRule: 72, count: 3n },
    ]);
    expect(host.kernel.readShadow()).toMatchObject({ uncounted: 0n });
    // Both ends of the three that were let through, and the three refused.
    expect(host.kernel.readShadow().met).toBe(9n);
  });

  test("what both allow or both refuse is met and not counted", async () => {
    await shadow(live);
    await knock();
    expect(outgoing()).toEqual([]);
    expect(host.kernel.readShadow().met).toBe(3n);
  });

  test("a draft that only records shows what its modes make of a deny", async () => {
    await shadow({ ...draft, modeOut: "observe" });
    await knock();
    expect(outgoing()).toMatchObject([
      { liveVerdict: "allowed", draftVerdict: "wouldBlock" },
      { liveVerdict: "blocked", draftVerdict: "allowed" },
    ]);
  });

  test("goes on over a switch of the live policy", async () => {
    await shadow(draft);
    await host.provision({ ...live, policies: draft.policies, generation: 2n });
    expect(await knock()).toEqual([host.refusal, 0]);
    expect(outgoing()).toEqual([]);
  });

  test("ends by itself, without an agent, and keeps what it counted until the next", async () => {
    await shadow(draft);
    await knock();
    const counted = outgoing();
    host.kernel.stopShadow();
    await knock();
    expect(outgoing()).toEqual(counted);

    await shadow(draft, 0n);
    await knock();
    expect(outgoing()).toEqual([]);
    expect(host.kernel.readShadow().met).toBe(0n);
  });
});
