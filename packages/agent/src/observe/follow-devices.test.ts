import { expect, test } from "vitest";
import { createDeviceFollower } from "./follow-devices.ts";

test("attaches when a device comes, not when one goes, and again when an attempt failed", async () => {
  let devices = ["lo"];
  let fails = false;
  let attached = 0;
  const step = createDeviceFollower(
    async () => {
      if (fails) throw new Error("busy");
      attached++;
    },
    () => devices,
  );
  await step();
  expect(attached).toBe(0);
  devices = ["lo", "eth0"];
  fails = true;
  await expect(step()).rejects.toThrow("busy");
  fails = false;
  await step();
  await step();
  expect(attached).toBe(1);
  devices = ["lo"];
  await step();
  expect(attached).toBe(1);
  devices = ["lo", "eth0"];
  await step();
  expect(attached).toBe(2);
});
