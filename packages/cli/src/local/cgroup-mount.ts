import { readFileSync } from "node:fs";
import { failure } from "../failure.ts";

/** Where the cgroup2 hierarchy is mounted: /sys/fs/cgroup, or /sys/fs/cgroup/unified beside version 1. Throws Failure where nowhere. */
export function findCgroupMount(): string {
  const found = parseCgroupMount(readFileSync("/proc/self/mountinfo", "utf8"));
  if (found !== undefined) return found;
  throw failure(
    "no-cgroup2",
    "no cgroup2 hierarchy is mounted on this machine",
    "mount one: `mount -t cgroup2 none /sys/fs/cgroup`, or name a folder of one with `--cgroup`",
  );
}

/** The mount point of the first cgroup2 root in a mountinfo text (proc(5)); octal escapes are undone. */
export function parseCgroupMount(mountinfo: string): string | undefined {
  for (const line of mountinfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ", 2);
    const [, , , , mountPoint] = left.split(" ");
    if (right.startsWith("cgroup2 ") && mountPoint !== undefined) {
      return mountPoint.replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      );
    }
  }
  return undefined;
}
