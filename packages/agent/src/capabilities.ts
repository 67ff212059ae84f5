import type { HostCapabilities, HostCapability } from "@ringwall/protocol/agent";
import type { Capabilities, OptionalProgram } from "./kernel/contract.ts";

/** Whether the kernel asks before a program is started; where it does not, why. */
export type ExecGateSupport = { readonly available: boolean; readonly why: string };

/** What an optional program of the object is for: the feature, and what having or not having it means. */
type Purpose = { readonly feature: string; readonly there: string; readonly missing: string };

/** INVARIANT: every optional program of the loader is in here; a test compares the two. */
export const PURPOSES: Readonly<Record<string, Purpose>> = {
  reset_refused: {
    feature: "reset-inbound",
    there: "a refused client is told at once",
    missing: "a refused client waits until its connect() times out",
  },
  judge_at_device: {
    feature: "reset-inbound-at-once",
    there: "a refused client is told at its first packet, and inbound ICMP is judged",
    missing:
      "a refused client is told when it sends its first packet again, a second later; inbound ICMP is not judged",
  },
  judge_again: {
    feature: "cut-open-connections",
    there: "`established: cut` ends connections that a new revision denies",
    missing: "connections that a new revision denies go on until they end by themselves",
  },
  adopt: {
    feature: "older-connections",
    there: "connections older than the agent are recorded, and cut like others",
    missing: "connections older than the agent are not recorded",
  },
  exec_check: {
    feature: "refuse-exec-static",
    there: "what may be executed stays enforced while no agent runs, on every file system",
    missing: "while no agent runs, everything may be executed",
  },
  guard_open: {
    feature: "guard-writes",
    there: "writing to a trusted executable is seen at once, and refused where executions are blocked",
    missing: "writing to a trusted executable is seen afterwards, by its change time",
  },
  guard_truncate: {
    feature: "guard-truncation",
    there: "truncating a trusted executable is seen at once, and refused where executions are blocked",
    missing: "truncating a trusted executable is seen afterwards, by its change time",
  },
  guard_rename: {
    feature: "guard-renames",
    there:
      "moving or replacing a trusted executable is seen at once, and refused where executions are blocked",
    missing: "moving or replacing a trusted executable is seen afterwards, by its change time",
  },
  guard_unlink: {
    feature: "guard-removal",
    there: "removing a trusted executable is seen at once, and refused where executions are blocked",
    missing: "removing a trusted executable is seen afterwards, by its change time",
  },
  prove_datagrams: {
    feature: "prove-datagrams",
    there: "software is proved behind datagrams where both ends ask for it",
    missing: "datagrams carry no proof: their senders are known by address",
  },
  read_datagrams: {
    feature: "read-datagram-proofs",
    there: "proofs behind datagrams are checked where both ends ask for them",
    missing: "proofs behind datagrams are not read: their senders are known by address",
  },
  prove_listeners: {
    feature: "prove-older-listeners",
    there: "listeners older than the agent prove their software like others",
    missing:
      "listeners older than the agent prove no software until they are started again: known by address, refused where `verified: required`",
  },
  listen_check: {
    feature: "refuse-listen",
    there: "listen() of software that nobody may reach is refused where inbound is blocked",
    missing: "listen() of software that nobody may reach is told, not refused; its connections are",
  },
  packet_socket: {
    feature: "refuse-packet-sockets",
    there: "packet sockets (AF_PACKET, AF_XDP) are made only by software that may make raw ones",
    missing: "packet sockets are made by whoever has CAP_NET_RAW, and hear what passes",
  },
  guard_options: {
    feature: "guard-bypass",
    there:
      "going around a device's queue (PACKET_QDISC_BYPASS, AF_XDP), and a route of TCP's own, are refused like a raw socket",
    missing:
      "frames sent with PACKET_QDISC_BYPASS or AF_XDP are not judged, and TCP may ask for routes past its peer",
  },
  guard_memory: {
    feature: "guard-memory",
    there:
      "reaching into a running program that the policy names (ptrace, /proc/PID/mem, pidfd_getfd) is told, and refused in block",
    missing:
      "ptrace, writes to /proc/PID/mem and pidfd_getfd into a running program are neither told nor refused",
  },
  judge_frames_out: {
    feature: "judge-frames",
    there: "frames that packet sockets send are judged as the packets that they carry",
    missing: "frames that packet sockets send are not judged",
  },
  on_cgroup_made: {
    feature: "hold-new-containers",
    there: "what a container opens waits until its own policy is in force",
    missing: "what a container opens in its first moments is judged by its host's policy",
  },
  on_cgroup_gone: {
    feature: "forget-containers",
    there: "the room of a container that ended is free at once",
    missing: "the room of a container that ended is free once the agent has noticed",
  },
  dump_tasks: {
    feature: "older-processes",
    there: "programs older than the agent are known with their change times",
    missing: "programs older than the agent are read from /proc, and hashed again where they start anew",
  },
  dump_bound: {
    feature: "keep-handed-listeners",
    there: "a listener that was handed on keeps its identity when the control group it was bound in is gone",
    missing:
      "a listener that was handed on is asked about anew when the control group it was bound in is gone, and may have no unit then",
  },
};

/** Programs without which a host has not the level `lsm`. */
const LSM_PROGRAMS = ["exec_check", "guard_open", "guard_truncate", "guard_rename", "guard_unlink"];

/** What this kernel gives and what is missing, in words. Pure; the level follows from what loaded, never from versions. */
export function describeCapabilities(
  kernel: Capabilities,
  release: string,
  gate: ExecGateSupport,
): HostCapabilities {
  const features: HostCapability[] = [
    {
      name: "refuse-at-connect",
      available: kernel.refuseWithReset,
      why: kernel.refuseWithReset ? "" : "the kernel has no bpf_set_retval",
      means: kernel.refuseWithReset
        ? "a refused connect() fails with ECONNREFUSED"
        : "a refused connect() fails with EPERM, which some programs report as a bug",
    },
    {
      name: "refuse-exec",
      available: gate.available,
      why: gate.why,
      means: gate.available
        ? "programs that no `run` rule allows are refused before they start, while the agent runs"
        : "programs that no `run` rule allows are killed just after they have started",
    },
    ...kernel.optional.map(toFeature),
  ];
  return { level: levelOf(kernel.optional), kernel: release, features };
}

function levelOf(optional: readonly OptionalProgram[]): HostCapabilities["level"] {
  const loaded = new Set(optional.filter((one) => one.loaded).map((one) => one.name));
  return LSM_PROGRAMS.every((name) => loaded.has(name)) ? "lsm" : "core";
}

function toFeature({ name, loaded, why }: OptionalProgram): HostCapability {
  const purpose = PURPOSES[name];
  const means = (loaded ? purpose?.there : purpose?.missing) ?? `the kernel program \`${name}\``;
  return { name: purpose?.feature ?? name, available: loaded, why: loaded ? "" : why, means };
}

/** Where it does not, the host says that it has no such proofs, and its datagrams are judged by its address. */
export function provesDatagrams({ optional }: Capabilities): boolean {
  const loaded = optional.filter((program) => program.loaded);
  return ["prove_datagrams", "read_datagrams"].every((name) => loaded.some((one) => one.name === name));
}
