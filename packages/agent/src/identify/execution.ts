import type { ExecKey, FileKey } from "../kernel/contract.ts";
import type { WalkedPath } from "./walk-path.ts";

/** One execve to be identified: what the kernel said about it. */
export type Execution = {
  readonly exec: ExecKey;
  /** A process that runs it, by which /proc shows its files. */
  readonly tgid: number;
  readonly file: FileKey;
  readonly uid: number;
  readonly cgroupId: bigint;
  /** Who runs it, for what the agent shares out among tenants. */
  readonly tenant: string;
  readonly ppid: number;
  /** When it began, CLOCK_BOOTTIME. */
  readonly beganNs: bigint;
  /** As given to execve; empty where the process is older than the agent. */
  readonly filename: string;
  readonly argv: readonly string[];
  /** `argv` is only how the arguments begin, and `environment` how the environment does; the kernel read no more. */
  readonly argvTruncated: boolean;
  readonly environmentTruncated: boolean;
  /** The kernel saw a variable that brings code into any program, or could not look at all of them. */
  readonly injected: boolean;
  readonly environment: readonly string[];
  /** The process has more of its environment, as it may have made it since. */
  readonly hasRest: boolean;
  /** Hands in the program that no variable tells of. */
  readonly foreign: ForeignHands;
  /** The working directory at the exec, as `DEVICE:INODE`, where the kernel said it. */
  readonly cwdInode: bigint | undefined;
};

/** What lets somebody else's code into a program without a variable. */
export type ForeignHands = {
  /** In a user namespace that is not the host's: its user may mount what he likes over any file. */
  readonly userNamespace: boolean;
  /** Under ptrace of a process that may not trace everybody. */
  readonly traced: boolean;
};

/**
 * Times of files against times of processes. A file's change time comes from a clock that may lag by one tick of at
 * most 10 ms; 2 ms more for reading two clocks one after the other.
 */
export const CHANGE_MARGIN_NS = 12_000_000n;
/** A file changed this recently may change again within the same tick: not to be remembered by its change time. */
export const YOUNG_FILE_NS = 2_000_000_000n;

export type Clock = {
  /** CLOCK_BOOTTIME. */
  readonly bootNs: () => bigint;
  /** CLOCK_REALTIME. */
  readonly wallNs: () => bigint;
};

/** Whether a file with this change time is what it was when the execution began. */
export function isOlderThan(execution: Execution, ctimeNs: bigint, clock: Clock): boolean {
  const beganWallNs = clock.wallNs() - (clock.bootNs() - execution.beganNs);
  return ctimeNs + CHANGE_MARGIN_NS <= beganWallNs;
}

/**
 * Whether a path led where it leads now when the execution began. Folders of a process that is older than the agent may
 * have changed with every file and package since it began: they say nothing about it.
 */
export function isWayOlderThan(execution: Execution, way: WalkedPath, clock: Clock): boolean {
  const wasSeen = execution.filename !== "";
  return (
    isOlderThan(execution, way.linksChangedNs, clock) &&
    (!wasSeen || isOlderThan(execution, way.foldersMovedNs, clock))
  );
}

export function isYoung(ctimeNs: bigint, clock: Clock): boolean {
  return ctimeNs + YOUNG_FILE_NS > clock.wallNs();
}
