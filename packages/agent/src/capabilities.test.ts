import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hostCapabilities } from "@ringwall/protocol/agent";
import { describe, expect, test } from "vitest";
import { describeCapabilities, PURPOSES } from "./capabilities.ts";
import type { Capabilities } from "./kernel/contract.ts";

const optional = Object.keys(PURPOSES).map((name) => ({ name, loaded: true, why: "" }));
const kernel: Capabilities = {
  objectSha256: "",
  scopeCgroupId: 1n,
  scopeLevel: 0,
  kernelHz: 250,
  refuseWithReset: true,
  optional,
};
const gate = { available: true, why: "" };

describe("what a kernel gives", () => {
  test("every optional program of the loader is explained", () => {
    const loader = fileURLToPath(new URL("../native/loader/optional.c", import.meta.url));
    const list = /optional_programs\[\] = \{([^}]*)\}/.exec(readFileSync(loader, "utf8"))?.[1] ?? "";
    const names = [...list.matchAll(/"(\w+)"/g)].map((match) => match[1]);
    expect(names.length).toBeGreaterThan(0);
    expect(Object.keys(PURPOSES).sort()).toEqual(names.sort());
  });

  test("what is missing comes with the kernel's reason and what that means", () => {
    const refused = { ...optional[0], name: "reset_refused", loaded: false, why: "unknown program type" };
    const { features } = describeCapabilities({ ...kernel, optional: [refused] }, "5.10.0", gate);
    expect(features.find((one) => one.name === "reset-inbound")).toEqual({
      name: "reset-inbound",
      available: false,
      why: "unknown program type",
      means: PURPOSES["reset_refused"]?.missing,
    });
  });

  test("a kernel that asks nobody before an exec says what happens instead", () => {
    const { features } = describeCapabilities(kernel, "6.1.0", { available: false, why: "EINVAL" });
    expect(features.find((one) => one.name === "refuse-exec")).toMatchObject({
      available: false,
      why: "EINVAL",
      means: expect.stringContaining("killed"),
    });
  });

  test("has the shape that the controller reads", () => {
    expect(hostCapabilities.safeParse(describeCapabilities(kernel, "6.1.0", gate)).success).toBe(true);
  });
});
