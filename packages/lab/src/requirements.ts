import { existsSync, readFileSync } from "node:fs";
import { findCgroup2 } from "./hosts/cgroup.ts";

/** Programs that come with Debian packages which `make setup` installs. */
const programs = {
  "/usr/sbin/nginx": "nginx-light",
  "/usr/bin/python3": "python3",
  "/usr/lib/python3/dist-packages/psycopg2": "python3-psycopg2",
  "/usr/lib/postgresql": "postgresql",
  "/usr/sbin/sshd": "openssh-server",
  "/usr/bin/curl": "curl",
  "/usr/sbin/nft": "nftables",
} as const;

/** What this machine lacks for the lab, with the remedy; null where it lacks nothing. */
export function whyNot(): string | null {
  if (process.getuid?.() !== 0) return "the lab makes network namespaces and loads eBPF: run it as root";
  if (findCgroup2(readFileSync("/proc/self/mountinfo", "utf8")) === null) {
    return "no cgroup2 is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified";
  }
  const missing = Object.entries(programs).filter(([file]) => !existsSync(file));
  if (missing.length === 0) return null;
  return `missing packages: run \`make setup\`, or apt-get install ${missing.map(([, name]) => name).join(" ")}`;
}
