/**
 * What the rest of the agent knows of the kernel: plain values, no layouts. Addresses are 16 bytes, IPv4 mapped into
 * IPv6 (`::ffff:a.b.c.d`); ports are numbers as people write them; times are nanoseconds of CLOCK_BOOTTIME.
 */

import type { CgroupEvent, KernelCarrying } from "./carrying.ts";
import type { KernelDns } from "./dns.ts";
import type { KernelExec } from "./exec-maps.ts";
import type { KeepFlows, WhichFlows } from "./flows.ts";
import type {
  Action,
  Counter,
  Direction,
  ExecKey,
  FileKey,
  FlowState,
  IdentityKey,
  Level,
  LsmAct,
  Mode,
  ProofFault,
  Reason,
  Verdict,
} from "./generated/layout.ts";
import type { PauseState } from "./pause.ts";
import type { KernelProof } from "./proof.ts";

/** One of the two policy slots; one is live, the other is free for the next revision. */
export type SlotIndex = 0 | 1;

/** The third slot: a draft that is judged by beside the live one and changes no verdict. */
export const SHADOW_SLOT = 2;
export type AnySlot = SlotIndex | typeof SHADOW_SLOT;

/** A policy key's subject or peer that stands for every class. */
export const ANY = 0xffffffff;

export interface PolicyEntry {
  /** Subject class, or `ANY`. */
  readonly subject: number;
  /** Peer class, or `ANY`. */
  readonly peer: number;
  /** IP protocol number: 6 TCP, 17 UDP. */
  readonly proto: number;
  /** First port of the range that `portBits` leading bits describe. */
  readonly port: number;
  /** 0 (every port) to 16 (this one). */
  readonly portBits: number;
  readonly direction: Direction;
  readonly action: Action;
  /** A deny that is refused in every mode. */
  readonly immediate: boolean;
  /** An allow that stands for the essential flows. */
  readonly essential: boolean;
  /** The compiler's rule number; 0 means the default. */
  readonly rule: number;
  /** Remote class: what the peer has proved of its software, or `remote` of the layout. Default: 0, nothing asked. */
  readonly remote?: number;
}

export interface PeerEntry {
  readonly address: Uint8Array;
  /** 0 to 128; an IPv4 prefix of n bits is 96 + n. */
  readonly prefixBits: number;
  readonly peerClass: number;
  /** An address of this workload: loopback. */
  readonly self: boolean;
  readonly managed: boolean;
}

export interface SubjectEntry {
  readonly identity: number;
  readonly subject: number;
}

/** A number of the fleet's directory, and the class that this policy puts the software in. */
export interface RemoteEntry {
  readonly number: number;
  readonly remote: number;
}

export interface SlotHeader {
  readonly generation: bigint;
  readonly modeOut: Mode;
  readonly modeIn: Mode;
  readonly loopbackEnforce: boolean;
  /** What an unknown process may do when the agent can't say what it is. */
  readonly failOpen: boolean;
  /** Whether open connections are judged again by this policy. */
  readonly cutEstablished: boolean;
}

export interface SlotContents extends SlotHeader {
  /** The entries say who may wait for others (peer class `SOMEBODY`). Default: nobody's waiting is judged. */
  readonly judgesListeners?: boolean;
  readonly policies: readonly PolicyEntry[];
  readonly peers: readonly PeerEntry[];
  readonly subjects: readonly SubjectEntry[];
  readonly remotes?: readonly RemoteEntry[];
}

/**
 * FileKey stands for a file's content until it changes; it comes from kernel events only, never from stat().
 * ExecKey is one execve; children of the process share it until they exec themselves.
 */
export type { ExecKey, FileKey, IdentityKey } from "./generated/layout.ts";

export interface TaskState extends ExecKey {
  readonly cgroupId: bigint;
  readonly exeId: number;
  readonly scriptId: number;
  readonly ppid: number;
  /** The agent has to say what it is: unknown, an interpreter, or an environment that may inject code. */
  readonly pending: boolean;
  readonly agent: boolean;
  readonly unattributable: boolean;
  /** The environment may bring foreign code into any program. */
  readonly injected?: boolean;
}

/** The agent's answer for one execve. */
export interface Resolution {
  readonly exeId: number;
  /** 0: no script. */
  readonly scriptId: number;
  /** `-c`, standard input, memfd, deleted or oversized file. */
  readonly unattributable: boolean;
}

/** A process as it was when it touched a socket. */
export interface ProcessRef extends IdentityKey, ExecKey {
  readonly tgid: number;
  readonly pending: boolean;
  readonly agent: boolean;
  readonly unattributable: boolean;
}

export interface FlowRecord {
  /** 0: the software was not known in time. */
  readonly identity: number;
  readonly rule: number;
  /** The peer. */
  readonly address: Uint8Array;
  /** The service port: the peer's outbound, ours inbound. */
  readonly port: number;
  readonly proto: number;
  readonly direction: Direction;
  readonly verdict: Verdict;
  readonly state: FlowState;
  readonly reason: Reason;
  /** How surely the peer is known. */
  readonly level: Level;
  /** Whose process it is: 0 the host's, else a workload that it carries. */
  readonly workload: number;
  /** Judged by the host's policy, as nothing governs the workload itself: the rule is one of that. */
  readonly byHost: boolean;
  /** New connections since the last drain; 0 when only bytes were added to earlier ones. */
  readonly count: bigint;
  readonly bytesOut: bigint;
  readonly bytesIn: bigint;
  readonly firstNs: bigint;
  readonly lastNs: bigint;
}

/** A draft beside the live policy, as the kernel has it. */
export interface ShadowState {
  /** On the clock of `bootNs`; 0 = there is no draft. Later the kernel does not look at it any more. */
  readonly untilNs: bigint;
  /** Attempts that were judged by it as well. */
  readonly met: bigint;
  /** Differences that found no room; `met` counts them. */
  readonly uncounted: bigint;
}

/** Attempts to which live policy and draft gave different verdicts. */
export interface ShadowDifference {
  /** 0: the software was not known in time. */
  readonly identity: number;
  readonly liveRule: number;
  readonly draftRule: number;
  /** The peer. */
  readonly address: Uint8Array;
  /** As in a flow. */
  readonly port: number;
  readonly proto: number;
  readonly direction: Direction;
  readonly liveVerdict: Verdict;
  readonly draftVerdict: Verdict;
  readonly count: bigint;
  readonly firstNs: bigint;
  readonly lastNs: bigint;
}

interface EventBase {
  readonly timeNs: bigint;
  readonly tgid: number;
}

export interface ExecEvent extends EventBase {
  readonly type: "exec";
  readonly file: FileKey;
  readonly task: TaskState;
  readonly uid: number;
  readonly comm: string;
  /** Inode of the process's directory at the exec. */
  readonly cwdInode: bigint;
  /** As given to execve: the script's path for `#!`. May be relative to the process's directory. */
  readonly filename: string;
  readonly arguments: readonly string[];
  /** `NAME=value` strings. */
  readonly environment: readonly string[];
  readonly argumentsTruncated: boolean;
  readonly environmentTruncated: boolean;
  /** The kernel could not read them: look in /proc/TGID/cmdline and environ. */
  readonly argumentsUnreadable: boolean;
  /** In a user namespace that is not the host's, where its user may mount what he likes over any file. */
  readonly userNamespace: boolean;
  /** Started under ptrace by a process that may not trace everybody. */
  readonly traced: boolean;
}

/** A process used the network while its identity was unknown: answer with `setResolution` and `setIdentity`. */
export interface IdentityMissEvent extends EventBase {
  readonly type: "identityMiss";
  readonly process: ProcessRef;
  readonly comm: string;
}

export interface DenialEvent extends EventBase {
  readonly type: "denial";
  readonly process: ProcessRef;
  readonly generation: bigint;
  readonly identity: number;
  readonly subject: number;
  readonly peerClass: number;
  readonly rule: number;
  readonly address: Uint8Array;
  readonly port: number;
  /** The client's port, inbound; 0 outbound. */
  readonly peerPort: number;
  readonly proto: number;
  readonly direction: Direction;
  readonly verdict: Verdict;
  readonly reason: Reason;
}

/** A SYN came for a listener that is older than the programs: answer with `setListener`. */
export interface UnknownListenerEvent extends EventBase {
  readonly type: "unknownListener";
  readonly address: Uint8Array;
  readonly port: number;
  readonly proto: number;
}

/** An execution refused by LSM, a change of a trusted executable, or a hand in the memory of a program that runs. */
export interface LsmEvent extends EventBase {
  readonly type: "lsm";
  readonly act: LsmAct;
  readonly refused: boolean;
  /** To be executed, or the trusted one. */
  readonly file: FileKey;
  /** The file's executable; 0: not known. */
  readonly exeId: number;
  /** Who did it. */
  readonly process: ProcessRef;
  /** As given to execve; else the file's own name. */
  readonly filename: string;
}

/** A SYN or SYN-ACK whose proof is missing or wrong; numbers as in the packet. */
export interface ProofEvent extends EventBase {
  readonly type: "proof";
  readonly fault: ProofFault;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  /** The option's 32 bits; 0 without one. */
  readonly word: number;
  readonly mac: Uint8Array;
  /** This host's when the packet came. */
  readonly epoch: number;
  readonly isAnswer: boolean;
}

export type KernelEvent =
  | ExecEvent
  | IdentityMissEvent
  | DenialEvent
  | UnknownListenerEvent
  | ProofEvent
  | LsmEvent
  | CgroupEvent;

/** A process in scope as the kernel's task iterator sees it. */
export interface TaskRecord extends EventBase {
  readonly file: FileKey;
  readonly ppid: number;
  readonly uid: number;
  readonly cgroupId: bigint;
  readonly comm: string;
}

export interface OptionalProgram {
  readonly name: string;
  readonly loaded: boolean;
  /** In words, when it is not loaded. */
  readonly why: string;
}

export interface Capabilities {
  readonly objectSha256: string;
  readonly scopeCgroupId: bigint;
  readonly scopeLevel: number;
  readonly kernelHz: number;
  /** connect() fails with ECONNREFUSED rather than EPERM. */
  readonly refuseWithReset: boolean;
  readonly optional: readonly OptionalProgram[];
}

/** Nothing is lost on this side of the ring; what the kernel dropped is the counter `ringFull`. */
export interface EventStream {
  readonly close: () => void;
}

/** The pinned maps of one instance. Every method throws `KernelError` when the kernel refuses. */
export interface Kernel {
  readonly capabilities: () => Capabilities;

  readonly liveSlot: () => SlotIndex;
  readonly readSlot: (slot: AnySlot) => SlotHeader;
  /** Replaces everything in a slot that is not live; resolves when the kernel has let go of the old contents. */
  readonly writeSlot: (slot: AnySlot, contents: SlotContents) => Promise<void>;
  /** Makes a slot live in one step. */
  readonly switchSlot: (slot: SlotIndex) => void;
  /** Changes the modes of a slot in one step, live or not; the maps stay. */
  readonly updateSlotHeader: (slot: SlotIndex, header: SlotHeader) => void;
  /** Adds entries to a slot, live or not: a process class that appeared between two revisions. Before its subjects. */
  readonly addPolicies: (slot: AnySlot, entries: readonly PolicyEntry[]) => void;
  /** Adds or replaces subjects of a slot, live or not: an identity that appeared between two revisions. */
  readonly addSubjects: (slot: AnySlot, entries: readonly SubjectEntry[]) => void;
  /** Takes identities that were given back out of a slot, live or not. */
  readonly removeSubjects: (slot: AnySlot, identities: ReadonlySet<number>) => void;

  readonly dns: KernelDns;
  /** Judges every attempt by SHADOW_SLOT as well, until then; what was counted before is forgotten unless it `goesOn`. */
  readonly startShadow: (untilNs: bigint, goesOn?: boolean) => void;
  readonly stopShadow: () => void;
  readonly readShadow: () => ShadowState;
  /** Counts since `startShadow`; they only rise. */
  readonly readDifferences: () => readonly ShadowDifference[];

  /** Adds numbers of the directory to a slot, live or not. After the entries of their class. */
  readonly addRemotes: (slot: AnySlot, entries: readonly RemoteEntry[]) => void;
  readonly proof: KernelProof;
  readonly exec: KernelExec;
  readonly carrying: KernelCarrying;
  readonly setExecutable: (file: FileKey, exeId: number, interpreter: boolean) => void;
  readonly deleteExecutable: (file: FileKey) => void;
  readonly setResolution: (exec: ExecKey, resolution: Resolution) => void;
  /** The answer that stands for an execve: an agent that was restarted asks for its forerunner's. */
  readonly getResolution: (exec: ExecKey) => Resolution | undefined;
  /** Whether any process of that execve lives, its first one or what was forked since. */
  readonly isRunning: (exec: ExecKey) => boolean;
  /** Drops answers for executions of which no process is left, when older than `graceNs`; returns how many. */
  readonly sweepResolutions: (graceNs: bigint) => number;
  readonly setIdentity: (key: IdentityKey, identity: number) => void;
  /** Takes identities away, and their numbers in the fleet: whoever has such a key is unknown software from now on. */
  readonly deleteIdentities: (gone: Iterable<readonly [identity: number, key: IdentityKey]>) => void;
  /** Control groups, there or gone, that processes, older listeners and open connections are known by. */
  readonly readCgroupsInUse: () => Promise<ReadonlySet<bigint>>;
  /** Seeds a process that is older than the programs; false when the kernel has seen it by itself. */
  readonly seedTask: (tgid: number, task: TaskState) => boolean;
  /** Marks a process as the agent: subject class 1 whatever its identity. */
  readonly markAgent: (tgid: number) => void;
  readonly getTask: (tgid: number) => TaskState | undefined;
  readonly setListener: (proto: number, port: number, process: ProcessRef, workload?: number) => void;
  readonly deleteListener: (proto: number, port: number, workload?: number) => void;
  /** Processes in scope, by the kernel's task iterator where it has one, else by /proc: then without keys of files. */
  readonly readTasks: () => readonly TaskRecord[];
  /** Whether enforcement is paused by hand. */
  readonly readPause: () => PauseState;
  readonly writePause: (state: PauseState) => void;
  /** Says that the agent is there to answer; once a second. Silence over 5 s means unknown processes aren't held. */
  readonly beat: () => void;
  /** Hands over the flows counted since the last call; where `keep` rejects they come again. One call at a time. */
  readonly handOverFlows: (keep: KeepFlows, which?: WhichFlows) => Promise<void>;
  /** The same for who keeps nothing: all flows counted since the last call. */
  readonly drainFlows: () => Promise<readonly FlowRecord[]>;
  /** Delivers events in batches, in order, on the event loop. */
  readonly onEvents: (listener: (events: readonly KernelEvent[]) => void) => EventStream;
  readonly counters: () => Readonly<Record<Exclude<Counter, "max">, bigint>>;
  /** Now, on the clock of all times here. */
  readonly bootNs: () => bigint;
  readonly close: () => void;
}
