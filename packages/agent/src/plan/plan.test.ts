import { createHash } from "node:crypto";
import { processOf } from "@ringwall/model/testing";
import { lowerHost } from "@ringwall/policy/lower";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAddress } from "../observe/addresses.ts";
import { allowSoftware, hostPolicyOf } from "../testing/host-policy.ts";
import { type AcceptState, acceptUpdate, HOST_POLICY_BYTES_MAX, type PolicyOffer } from "./accept-update.ts";
import { planKernel } from "./kernel-plan.ts";
import { formatAddress, formatPlan, formatPrefix } from "./print.ts";

const DIGEST = "a".repeat(64);
const policy = hostPolicyOf({
  ...allowSoftware("app", { executable: { sha256: DIGEST } }),
  selfAddresses: ["192.0.2.1"],
});

const identity = (exeSha256: string) => processOf({ exe: "/usr/bin/app", exeSha256, user: "root" });

describe("planKernel", () => {
  const identities = [
    [1, identity(DIGEST)],
    [2, identity("b".repeat(64))],
    [3, identity(DIGEST)],
  ] as const;
  const actual = { liveSlot: 0, generation: 4n } as const;

  test("the same state gives the same plan, in whatever order processes were met", () => {
    const plan = planKernel({ generation: 5n, lowered: lowerHost(policy), identities }, actual);
    fc.assert(
      fc.property(fc.shuffledSubarray([...identities], { minLength: 3 }), (shuffled) => {
        const other = planKernel(
          { generation: 5n, lowered: lowerHost(policy), identities: shuffled },
          actual,
        );
        expect(other).toEqual(plan);
      }),
    );
  });

  test("the slot that is not live is filled; processes that match alike share a class", () => {
    const plan = planKernel({ generation: 5n, lowered: lowerHost(policy), identities }, actual);
    expect(plan).toMatchObject({
      from: 4n,
      slot: 1,
      contents: { generation: 5n, modeOut: "block", modeIn: "observe" },
    });
    const [first, second, third] = plan.contents.subjects;
    expect(first?.subject).toBe(third?.subject);
    expect(first?.subject).not.toBe(second?.subject);
    expect(
      planKernel({ generation: 5n, lowered: lowerHost(policy), identities }, { liveSlot: 1, generation: 0n })
        .slot,
    ).toBe(0);
  });

  test("a plan can be read", () => {
    const lowered = lowerHost(policy);
    const text = formatPlan(planKernel({ generation: 5n, lowered, identities }, actual), lowered);
    expect(text).toContain("generation 4 -> 5, written to slot 1");
    expect(text).toContain("192.0.2.1/32");
    expect(text).toContain("by test/app may connect");
    expect(
      formatPlan(planKernel({ generation: 5n, lowered: lowerHost(policy), identities }, actual), lowered, 1),
    ).toContain("more");
  });
});

describe("addresses", () => {
  test("format then parse gives the same back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(parseAddress(formatAddress(bytes))).toEqual(bytes);
      }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const bytes = parseAddress(text);
        expect(bytes).toBeDefined();
        if (bytes !== undefined) expect(parseAddress(formatAddress(bytes))).toEqual(bytes);
      }),
    );
  });

  test.each([
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::", "::"],
    ["fe80::1%eth0", "fe80::1"],
  ])("%s is written %s", (given, written) => {
    expect(formatAddress(parseAddress(given) ?? new Uint8Array())).toBe(written);
  });

  test("what is no address is none", () => {
    for (const text of ["", "1.2.3", "1.2.3.256", ":::", "1::2::3", "g::", "1:2:3:4:5:6:7:8:9", "::1.2.3"]) {
      expect(parseAddress(text)).toBeUndefined();
    }
    fc.assert(fc.property(fc.string(), (text) => void parseAddress(text)));
    expect(formatPrefix(parseAddress("10.0.0.0") ?? new Uint8Array(), 104)).toBe("10.0.0.0/8");
  });
});

describe("acceptUpdate", () => {
  const state: AcceptState = {
    workload: "web-1",
    generation: 5n,
    revertedGeneration: 8n,
    capabilities: new Set(),
  };
  function offer(value: unknown, parts: Partial<PolicyOffer> = {}): PolicyOffer {
    const bytes = typeof value === "string" ? Buffer.from(value) : Buffer.from(JSON.stringify(value));
    const digest = createHash("sha256").update(bytes).digest();
    return { generation: 9n, bytes, digest, confirmWithinSeconds: 60, ...parts };
  }
  function codes(given: PolicyOffer): string[] {
    const result = acceptUpdate(given, state);
    return result.ok ? [] : result.error.map((problem) => problem.code);
  }

  test("takes what is newer, whole, and for this host", () => {
    expect(acceptUpdate(offer(policy), state)).toEqual({ ok: true, value: policy });
  });

  test.each<[string, PolicyOffer, string]>([
    ["not newer", offer(policy, { generation: 5n }), "policy-stale"],
    ["put back before, and not confirmed since", offer(policy, { generation: 8n }), "policy-reverted"],
    ["of another host", offer({ ...policy, workload: "db-1" }), "policy-of-another"],
    ["too large", offer(" ".repeat(HOST_POLICY_BYTES_MAX + 1)), "policy-too-large"],
    ["damaged", offer(policy, { digest: new Uint8Array(32) }), "policy-damaged"],
    ["no JSON", offer("{"), "policy-malformed"],
    ["of another shape", offer({ ...policy, surprise: 1 }), "policy-malformed"],
    ["waiting too long", offer(policy, { confirmWithinSeconds: 4000 }), "confirm-too-long"],
    ["more than this host can", offer({ ...policy, requires: "lsm" }), "host-incapable"],
    ["pointing at no selector", offer({ ...policy, processSelectors: [] }), "policy-malformed"],
    ["pointing at no software", offer({ ...policy, software: {} }), "policy-malformed"],
  ])("refuses one that is %s", (_name, given, code) => {
    expect(codes(given)).toContain(code);
  });

  test("what asks for LSM is refused only where it would block", () => {
    const alert = { ...policy.modes, inbound: "alert", outbound: "alert", processes: "alert" } as const;
    expect(codes(offer({ ...policy, requires: "lsm", modes: alert }))).toEqual([]);
  });

  test("one that was put back comes again only confirmed", () => {
    expect(codes(offer(policy, { generation: 8n, confirmWithinSeconds: 0 }))).toEqual([]);
    expect(codes(offer(policy, { generation: 7n, confirmWithinSeconds: 0 }))).toEqual(["policy-reverted"]);
  });

  test("any bytes have an answer", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          const digest = createHash("sha256").update(bytes).digest();
          expect(acceptUpdate({ generation: 9n, bytes, digest, confirmWithinSeconds: 0 }, state).ok).toBe(
            false,
          );
        },
      ),
    );
  });
});
