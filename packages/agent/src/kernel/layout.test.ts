/** The generated layout is the object's: a field that moves in the C header fails here, before an agent runs. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { generateLayout } from "../../tools/generate-layout.ts";
import {
  decodeFlowKey,
  decodePolicyKey,
  encodeFlowKey,
  encodePolicyKey,
  flowKeyBytes,
  policyKeyBytes,
} from "./generated/layout.ts";
import { OBJECT_PATH, whyNoKernelTests } from "./testing/requirements.ts";

describe.skipIf(whyNoKernelTests("layout.test.ts"))("the layout in git", () => {
  test("is what the compiled object's BTF says", () => {
    const inGit = readFileSync(new URL("./generated/layout.ts", import.meta.url), "utf8");
    expect(generateLayout(OBJECT_PATH), "run `make -C packages/agent layout` and commit").toBe(inGit);
  });
});

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });

describe("codecs", () => {
  test("a policy key survives encoding and decoding at any offset", () => {
    const key = fc.record({ subject: u32, peer: u32, port: u16, proto: u8, directionBits: u8, remote: u32 });
    fc.assert(
      fc.property(key, fc.integer({ min: 0, max: 16 }), (value, at) => {
        const view = new DataView(new ArrayBuffer(policyKeyBytes + at));
        encodePolicyKey(view, value, at);
        expect(decodePolicyKey(view, at)).toEqual(value);
      }),
    );
  });

  test("a flow key survives encoding and decoding", () => {
    const key = fc.record({
      identity: u32,
      rule: u32,
      address: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      port: u16,
      proto: u8,
      direction: u8,
      verdict: u8,
      state: u8,
      reason: u8,
      level: u8,
      workload: fc.nat(0xffff),
    });
    fc.assert(
      fc.property(key, (value) => {
        const view = new DataView(new ArrayBuffer(flowKeyBytes));
        encodeFlowKey(view, value);
        expect(decodeFlowKey(view)).toEqual(value);
      }),
    );
  });
});
