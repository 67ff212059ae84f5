import { create } from "@bufbuild/protobuf";
import { ExecAction, ExecBatchSchema, Verdict } from "@ringwall/protocol/agent";
import { describe, expect, test } from "vitest";
import { decodeExecs } from "../ingest/decode-execs.ts";
import { alertsOfExecs } from "./exec-alerts.ts";

const process = { exe: "/usr/bin/nc", exeSha256: "a".repeat(64), user: "root" };
const denied = { process, parentExe: "/bin/sh", timeMs: 1000n, verdict: Verdict.BLOCKED, alert: true };

function alertsOf(batch: Parameters<typeof create<typeof ExecBatchSchema>>[1]) {
  const decoded = decodeExecs(create(ExecBatchSchema, { batchId: "b", ...batch }), 2000);
  if (!decoded.ok) throw new Error(decoded.error);
  return alertsOfExecs("web-1", decoded.value);
}

describe("alerts of executions", () => {
  test("a refused or killed program is blocked, and says how", () => {
    const [refused, killed] = alertsOf({
      execs: [
        { ...denied, action: ExecAction.REFUSED, count: 3n },
        { ...denied, action: ExecAction.KILLED },
      ],
    });
    expect(refused).toMatchObject({ kind: "blocked", workload: "web-1", count: 3, timeMs: 1000, rule: null });
    expect(refused?.message).toContain(
      "/usr/bin/nc) was refused before it ran on `web-1`, started by /bin/sh",
    );
    expect(killed).toMatchObject({ kind: "blocked", count: 1 });
    expect(killed?.message).toContain("was killed at its start");
  });

  test("in alert a program that ran would be blocked; in observe nobody is woken", () => {
    const would = { ...denied, verdict: Verdict.WOULD_BLOCK };
    expect(alertsOf({ execs: [would] })).toMatchObject([{ kind: "would-block" }]);
    expect(alertsOf({ execs: [{ ...would, alert: false }] })).toEqual([]);
  });

  test("a program that was merely seen is no alert", () => {
    expect(alertsOf({ execs: [{ process, timeMs: 1n }] })).toEqual([]);
  });

  test("a changed executable is told with who changed it, where that is known", () => {
    const alerts = alertsOf({ tamperings: [{ path: "/usr/bin/app", process, refused: true, timeMs: 1n }] });
    expect(alerts).toMatchObject([{ kind: "tampered", workload: "web-1", count: 1 }]);
    expect(alerts[0]?.message).toContain(
      "/usr/bin/app on `web-1`: an attempt to change it was refused by `nc`",
    );
    expect(alertsOf({ tamperings: [{ path: "/a", timeMs: 1n }] })[0]?.message).toContain("has changed");
  });

  test("a hand in the memory of a program is told with whose it was", () => {
    const reached = { path: "/usr/bin/app", process, inMemory: true, timeMs: 1n };
    const [refused, had] = alertsOf({ tamperings: [{ ...reached, refused: true }, reached] });
    expect(refused?.message).toBe(
      "a process of /usr/bin/app on `web-1`: access to its memory or descriptors was refused by `nc`",
    );
    expect(had).toMatchObject({ kind: "tampered", message: expect.stringContaining("was had by `nc`") });
  });

  test("what is not well-formed is refused whole, with its place", () => {
    const batch = create(ExecBatchSchema, { batchId: "b", tamperings: [{ path: "" }] });
    expect(decodeExecs(batch, 0)).toMatchObject({
      ok: false,
      error: expect.stringContaining("tamperings[0]"),
    });
  });
});
