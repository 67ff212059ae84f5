/** A guest under qemu's own processor emulation (KVM is not there on many build machines), for one command. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { FetchedKernel } from "./debian-kernels.ts";

const MEMORY_MB = 2048;
/**
 * Without what an emulator makes slower and not faster: what copies byte by byte (erms), each step of which is an
 * instruction to it, and guards of the kernel that are turned at each look at a process's memory; wide registers, too.
 */
const WIDE_PROCESSOR = "max,-erms,-smap,-smep,-pku";
const PROCESSOR = `${WIDE_PROCESSOR},-avx,-avx2,-fma,-f16c`;
/**
 * bpf is not among the LSMs that Debian's kernels turn on by themselves. What guards against real processors' leaks is
 * slow on an emulated one, and so are long waits for RCU, which many calls of bpf(2) take.
 */
const KERNEL_ARGUMENTS =
  "console=ttyS0 quiet loglevel=3 panic=-1 lsm=landlock,lockdown,yama,integrity,bpf mitigations=off no5lvl rcupdate.rcu_expedited=1";

export interface GuestRun {
  readonly kernel: FetchedKernel;
  readonly initramfs: string;
  /** Shell commands, run as root on the host's files, read-only with a layer in memory above them. */
  readonly script: string;
  readonly secondsMax: number;
  readonly memoryMb?: number;
  /** With wide registers, for programs that are built for them (x86-64-v3). */
  readonly isWide?: boolean;
  /** A folder of the host that the guest sees as /run/results. */
  readonly results: string;
  /** One that keeps what Node.js has compiled, for the next guest: emulated, that takes a minute for an agent. */
  readonly compiled: string;
}

export interface GuestResult {
  /** Undefined: the guest did not get that far. */
  readonly code: number | undefined;
  readonly timedOut: boolean;
  readonly console: string;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

export async function runGuest(run: GuestRun): Promise<GuestResult> {
  mkdirSync(run.compiled, { recursive: true });
  rmSync(run.results, { recursive: true, force: true });
  mkdirSync(run.results, { recursive: true });
  writeFileSync(path.join(run.results, "run.sh"), prepare(run) + run.script);
  const consoleFile = path.join(run.results, "console");
  const log = createWriteStream(consoleFile);
  const child = spawn("qemu-system-x86_64", argumentsOf(run), { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  let timedOut = false;
  const limit = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, run.secondsMax * 1000);
  await new Promise((resolve) => child.on("close", resolve).on("error", resolve));
  clearTimeout(limit);
  await new Promise((resolve) => log.end(resolve));
  running.delete(child);
  const exit = path.join(run.results, "exit");
  return {
    code: existsSync(exit) ? Number(readFileSync(exit, "utf8")) : undefined,
    timedOut,
    console: readFileSync(consoleFile, "utf8"),
  };
}

function argumentsOf(run: GuestRun): readonly string[] {
  const share = (tag: string, folder: string, more: string): string[] => [
    "-virtfs",
    `local,path=${folder},mount_tag=${tag},security_model=none,multidevs=remap${more}`,
  ];
  return [
    ...["-M", "q35", "-accel", "tcg,thread=multi", "-smp", "2"],
    ...["-cpu", run.isWide === true ? WIDE_PROCESSOR : PROCESSOR, "-m", String(run.memoryMb ?? MEMORY_MB)],
    ...["-nographic", "-no-reboot", "-nic", "none"],
    ...["-kernel", path.join(run.kernel.folder, "boot", `vmlinuz-${run.kernel.release}`)],
    ...["-initrd", run.initramfs, "-append", KERNEL_ARGUMENTS],
    ...share("host", "/", ",readonly=on"),
    ...share("results", run.results, ""),
    ...share("compiled", run.compiled, ""),
  ];
}

function prepare({ kernel }: GuestRun): string {
  const modules = path.join(kernel.folder, "lib/modules", kernel.release);
  return `mkdir -p /lib/modules && ln -sfn '${modules}' '/lib/modules/${kernel.release}'
modprobe -a veth ipv6 tun fou fou6 2>/dev/null
ip link set lo up
mkdir -p /run/compiled && mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 compiled /run/compiled
export NODE_COMPILE_CACHE=/run/compiled HOME=/run
`;
}
