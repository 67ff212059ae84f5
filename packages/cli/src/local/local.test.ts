import { expect, it } from "vitest";
import { commandName } from "../command-name.ts";
import { parseCgroupMount } from "./cgroup-mount.ts";
import { workloadName } from "./places.ts";
import { type Summary, summaryLines } from "./up/banner.ts";

it("the cgroup2 mount is found alone, beside version 1, and under an odd name", () => {
  const v1 = "31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
  const line = (at: string) => `30 24 0:26 / ${at} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate`;
  expect(parseCgroupMount(line("/sys/fs/cgroup"))).toBe("/sys/fs/cgroup");
  expect(parseCgroupMount(`${v1}\n${line("/sys/fs/cgroup/unified")}`)).toBe("/sys/fs/cgroup/unified");
  expect(parseCgroupMount(line("/mnt/a\\040b"))).toBe("/mnt/a b");
  expect(parseCgroupMount(v1)).toBeUndefined();
});

it("a host's name becomes a name that resources may have", () => {
  expect([workloadName("db-1.example.org"), workloadName("Ümlaut host_"), workloadName("---")]).toEqual([
    "db-1.example.org",
    "mlaut-host",
    "this-host",
  ]);
});

it("hints name the command as it can be typed again", () => {
  const path = { PATH: "/usr/bin:/usr/local/bin" };
  expect(commandName({ ...path, RINGWALL_COMMAND: "/usr/local/bin/ringwall" })).toBe("ringwall");
  expect(commandName({ ...path, RINGWALL_COMMAND: "bin/ringwall" })).toBe("bin/ringwall");
  expect(commandName({ ...path, RINGWALL_COMMAND: "bin/ringwall", SUDO_USER: "ann" })).toBe(
    "sudo bin/ringwall",
  );
  expect(commandName(path)).toBe("ringwall");
});

const summary: Summary = {
  version: "0.1.0",
  consoleUrl: "http://127.0.0.1:7480",
  signInUrl: `http://127.0.0.1:7480/sign-in?token=${"x".repeat(43)}`,
  signInUntil: "10:15:00",
  dataDir: "/var/lib/ringwall",
  logDir: "/var/lib/ringwall/log",
  agent: { kind: "running", workload: "db-1" },
  command: "bin/ringwall",
};

it("the summary fits 80 columns, and the link stands whole on a line of its own", () => {
  const lines = summaryLines(summary, 80, false);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  expect(lines).toContain(summary.signInUrl);
  expect(lines).toContain("    bin/ringwall get flows");
});

it("without an agent the summary says why and offers what works", () => {
  const agent = { kind: "none", why: "not started: only root may", remedy: "run as root" } as const;
  const text = summaryLines({ ...summary, agent }, 80, false).join("\n");
  expect(text).toContain("only root may");
  expect(text).toContain("bin/ringwall status");
  expect(text).not.toContain("get flows");
});
