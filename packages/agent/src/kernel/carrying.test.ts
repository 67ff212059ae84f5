/** Which address is whose: containers come and go, and may give themselves any address. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KernelMap } from "./kernel-map.ts";
import { TestHost } from "./testing/host.ts";
import { address } from "./testing/policies.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const PLACE = address("10.99.0.5");
const [FIRST, SECOND, NONE] = [1001n, 1002n, 0n];

describe.skipIf(whyNoKernelTests("carrying.test.ts"))("addresses of what a host carries", () => {
  let host: TestHost;
  let map: KernelMap;
  beforeAll(() => {
    host = new TestHost("c");
    map = KernelMap.openPinned(host.pin, "carried_addresses");
  });
  afterAll(async () => {
    map.close();
    await host.close();
  });

  const holder = () =>
    map.get(new DataView(PLACE.buffer, PLACE.byteOffset, PLACE.byteLength))?.getBigUint64(0, true) ?? NONE;

  test("the first that has one keeps it until it goes", () => {
    const { carrying } = host.kernel;
    carrying.assign(FIRST, 1);
    carrying.assign(SECOND, 2);
    carrying.setAddress(PLACE, FIRST);
    carrying.setAddress(PLACE, SECOND);
    expect(holder()).toBe(FIRST);
    carrying.deleteAddress(PLACE, SECOND);
    expect(holder()).toBe(FIRST);
    carrying.deleteAddress(PLACE, FIRST);
    expect(holder()).toBe(NONE);
    carrying.setAddress(PLACE, SECOND);
    expect(holder()).toBe(SECOND);
    carrying.deleteAddress(PLACE, SECOND);
  });

  test("one that went without a word holds nothing", async () => {
    const { carrying } = host.kernel;
    carrying.assign(FIRST, 1);
    carrying.assign(SECOND, 2);
    carrying.setAddress(PLACE, FIRST);
    await carrying.remove(1);
    carrying.setAddress(PLACE, SECOND);
    expect(holder()).toBe(SECOND);
    carrying.deleteAddress(PLACE, FIRST);
    expect(holder()).toBe(SECOND);
  });
});
