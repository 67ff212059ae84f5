import { describe, expect, it, vi } from "vitest";
import { Checks } from "./checks.ts";

describe("Checks", () => {
  it("counts what can't be tried here as neither passed nor failed, by name", () => {
    vi.spyOn(console, "log").mockImplementation(() => undefined);
    const checks = new Checks();
    checks.phase("Proof");
    checks.skip("datagrams", "no bpf_check_mtu");
    expect(checks.skipped).toEqual([{ phase: "Proof", tried: "datagrams", why: "no bpf_check_mtu" }]);
    expect([checks.all.length, checks.failed]).toEqual([0, 0]);
    vi.restoreAllMocks();
  });
});
