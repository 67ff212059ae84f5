/** Whether this machine can run tests against a kernel, and why not. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const BUILD = fileURLToPath(new URL("../../../build/", import.meta.url));
export const OBJECT_PATH = `${BUILD}ringwall.bpf.o`;
export const LOADER_PATH = `${BUILD}ringwall-bpf`;

/** Where the command line has an agent pin its programs. */
const PIN_DIR_DEFAULT = "/run/ringwall/bpf/agent";

/** On an emulated processor everything takes that much longer. */
export const SLOWNESS = Number(process.env["RINGWALL_TEST_SLOWNESS"] ?? 1);

/** Where cgroup v2 is mounted: /sys/fs/cgroup, or below it beside version 1. */
export function cgroupRoot(): string | undefined {
  const line = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((mount) => mount.includes(" - cgroup2 "));
  return line?.split(" ")[4];
}

/** Why those tests can't run that need a machine without an agent of its own, as `make run` starts one. */
export function whyNotAlone(file: string): string | undefined {
  const isWatched = existsSync(PIN_DIR_DEFAULT);
  return say(
    file,
    firstMissing() ?? (isWatched ? `an agent of this machine is in ${PIN_DIR_DEFAULT}` : undefined),
  );
}

/** What is missing for kernel tests, in words; undefined when nothing is. Says it on standard error, once per file. */
export function whyNoKernelTests(file: string): string | undefined {
  return say(file, firstMissing());
}

function say(file: string, why: string | undefined): string | undefined {
  if (why !== undefined) process.stderr.write(`SKIPPED ${file}: ${why}\n`);
  return why;
}

function firstMissing(): string | undefined {
  if (process.platform !== "linux") return "not Linux";
  if (process.geteuid?.() !== 0) return "needs root for eBPF, cgroups and network namespaces";
  if (!existsSync("/sys/kernel/btf/vmlinux")) return "this kernel has no BTF";
  if (cgroupRoot() === undefined) return "cgroup v2 is not mounted";
  if (!existsSync(OBJECT_PATH) || !existsSync(LOADER_PATH)) return "run `make -C packages/agent build` first";
  return undefined;
}
