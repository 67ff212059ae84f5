import type { HostPolicy } from "@ringwall/policy";
import { expect, it } from "vitest";
import { holdToLevel } from "./required-level.ts";

const policy = (requires: "core" | "lsm", inbound: "alert" | "block") =>
  ({ requires, modes: { inbound, outbound: "observe", processes: null } }) as HostPolicy;
const host = (level: string | null) => ({
  name: "db-1",
  capabilities: level === null ? null : { level },
});

it.each([
  ["core", "block", "core"],
  ["lsm", "alert", "core"],
  ["lsm", "block", "lsm"],
] as const)("leaves a policy that requires %s in %s alone on a host with %s", (requires, mode, level) => {
  const before = policy(requires, mode);
  expect(holdToLevel(before, host(level))).toEqual({ policy: before, held: null });
});

it.each(["core", null])("holds block in alert on a host with %s, and says which host and why", (level) => {
  const { policy: after, held } = holdToLevel(policy("lsm", "block"), host(level));
  expect(after.modes).toEqual({ inbound: "alert", outbound: "observe", processes: null });
  expect(held).toMatchObject({
    code: "level-missing",
    message: expect.stringMatching(/`db-1` may not be in block.*`requires: lsm`.*`(core|none)`/),
  });
});
