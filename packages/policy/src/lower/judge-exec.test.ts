import { processOf } from "@ringwall/model/testing";
import { describe, expect, test } from "vitest";
import type { HostPolicy } from "./host-policy.ts";
import { createExecJudge, type StartedFile } from "./judge-exec.ts";

const APP = "a".repeat(64);
const PYTHON = "b".repeat(64);
const OTHER = "c".repeat(64);

function policy(processes: "observe" | "alert" | "block" | null, run: HostPolicy["run"]): HostPolicy {
  return {
    format: 1,
    workload: "web-1",
    revision: 1,
    modes: { inbound: null, outbound: null, processes },
    fail: "static",
    loopback: "record",
    established: "keep",
    requires: "core",
    selfAddresses: [],
    managedAddresses: [],
    run,
    software: {
      binary: [{ executable: { sha256: [APP] } }],
      report: [
        { executable: { path: "/usr/bin/python3.11", sha256: [PYTHON] }, script: { path: "/opt/report.py" } },
      ],
      anyInterpreter: [{ script: { path: "/opt/job.sh" } }],
    },
    processSelectors: [],
    addressSets: [],
    rules: [],
  };
}

const identity = processOf({
  exe: "/usr/bin/python3.11",
  exeSha256: PYTHON,
  script: "/opt/report.py",
  scriptSha256: OTHER,
  user: "root",
});
const file: StartedFile = {
  path: "/opt/app",
  sha256: APP,
  package: null,
  evidence: null,
  interpreter: false,
  loader: false,
  essential: false,
};
const run = [{ name: "p/what may run", software: ["binary", "report"] }];

describe("run rules, of a process", () => {
  const { judge } = createExecJudge(policy("block", run));

  test("allow what they name, with its script", () => {
    expect(judge(identity, false)).toEqual({ decision: "allow", rule: "p/what may run" });
  });

  test("deny the same interpreter with another script, inline code, or injected code", () => {
    const denied = { decision: "deny", rule: "default" };
    expect(judge({ ...identity, script: "/tmp/evil.py" }, false)).toEqual(denied);
    expect(judge({ ...identity, script: null, scriptSha256: null, unattributable: "inline" }, false)).toEqual(
      denied,
    );
    expect(judge({ ...identity, environment: ["LD_PRELOAD=/tmp/x.so"] }, false)).toEqual(denied);
  });

  test("need not name what is essential, if it is what its path says", () => {
    const apt = { ...identity, exe: "/usr/bin/apt-get", script: null, scriptSha256: null };
    expect(judge(apt, true).rule).toBe("essential/exec");
    expect(judge(apt, false).decision).toBe("deny");
    expect(judge({ ...apt, exe: "/tmp/apt-get" }, true).decision).toBe("deny");
  });

  test("say nothing where no mode governs, or where there are none and nothing is blocked", () => {
    const nothing = { decision: "allow", rule: "ungoverned" };
    expect(createExecJudge(null).judge(identity, false)).toEqual(nothing);
    expect(createExecJudge(policy(null, run)).judge(identity, false)).toEqual(nothing);
    expect(createExecJudge(policy("alert", [])).judge(identity, false)).toEqual(nothing);
    expect(createExecJudge(policy("block", [])).judge(identity, false).decision).toBe("deny");
  });
});

describe("run rules, of a file before its arguments are known", () => {
  const { mayStart } = createExecJudge(policy("block", run));

  test("let through what some arguments would make right", () => {
    expect(mayStart(file).decision).toBe("allow");
    expect(
      mayStart({ ...file, path: "/usr/bin/python3.11", sha256: PYTHON, interpreter: true }).decision,
    ).toBe("allow");
    expect(mayStart({ ...file, path: "/opt/report.py", sha256: OTHER }).decision).toBe("allow");
    expect(
      mayStart({ ...file, path: "/lib64/ld-linux-x86-64.so.2", sha256: OTHER, loader: true }).decision,
    ).toBe("allow");
  });

  test("deny what none would", () => {
    expect(mayStart({ ...file, sha256: OTHER }).decision).toBe("deny");
    expect(mayStart({ ...file, path: "/usr/bin/python3.11", sha256: OTHER }).decision).toBe("deny");
    expect(mayStart({ ...file, path: "/usr/bin/perl", sha256: OTHER, interpreter: true }).decision).toBe(
      "deny",
    );
    expect(mayStart({ ...file, sha256: null }).decision).toBe("deny");
  });

  test("let every interpreter through for a script that may have any", () => {
    const any = createExecJudge(policy("block", [{ name: "p/r", software: ["anyInterpreter"] }]));
    expect(any.mayStart({ ...file, path: "/bin/dash", interpreter: true }).decision).toBe("allow");
    expect(any.mayStart(file).decision).toBe("deny");
  });

  test("never deny what they would allow as a process", () => {
    expect(
      mayStart({ ...file, path: identity.exe, sha256: identity.exeSha256, interpreter: true }).decision,
    ).toBe(createExecJudge(policy("block", run)).judge(identity, false).decision);
  });
});

describe("run rules, after a signed upgrade", () => {
  const upgraded = {
    ...file,
    sha256: OTHER,
    package: "app",
    evidence: "deb-repo",
    supersedes: [APP],
  } as const;
  const withUpgrades = (how: { readonly upgrades?: "signed" }) =>
    createExecJudge({
      ...policy("block", run),
      software: { binary: [{ executable: { sha256: [APP] }, ...how }], report: [] },
    });

  test("let the new content start where the Software follows upgrades, and only there", () => {
    expect(withUpgrades({ upgrades: "signed" }).mayStart(upgraded).decision).toBe("allow");
    expect(withUpgrades({}).mayStart(upgraded).decision).toBe("deny");
  });
});
