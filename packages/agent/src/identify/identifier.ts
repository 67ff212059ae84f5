import type { ProcessIdentity } from "@ringwall/model";
import type {
  ExecEvent,
  ExecKey,
  FileKey,
  IdentityKey,
  IdentityMissEvent,
  Kernel,
  ProcessRef,
  TaskRecord,
} from "../kernel/contract.ts";
import { createAnswerer } from "./answer.ts";
import type { CgroupLookup } from "./cgroups.ts";
import type { ContainerLookup } from "./containers.ts";
import type { FileTools } from "./executable-file.ts";
import { executionOfEvent, executionOfMiss, executionOfTask } from "./execution-sources.ts";
import type { IdentityBook, OwnerFacts } from "./identity-book.ts";
import { resolveScript } from "./interpreters/resolve-script.ts";

/** A process seen for the first time with this identity. */
export type ExecSighting = {
  readonly identity: ProcessIdentity;
  readonly parentExe: string | null;
  readonly timeNs: bigint;
};

export type IdentifierParts = {
  readonly kernel: Kernel;
  readonly book: IdentityBook;
  readonly tools: FileTools;
  readonly cgroups: CgroupLookup;
  readonly userName: (uid: number) => string;
  readonly containers: ContainerLookup;
  /** Puts an identity's subject and rules into the live slot; called before the kernel may use the identity. */
  readonly admit: (id: number, identity: ProcessIdentity, cgroupId: bigint) => Promise<void>;
  readonly onSighting: (sighting: ExecSighting) => void;
  /** Every execution, once it is known what runs, or that nobody will find out. */
  readonly onExecuted: (executed: Executed) => Promise<void>;
};

/** An execution; `identity` is null where it could not be found out. */
export type Executed = ExecKey & {
  readonly tgid: number;
  readonly ppid: number;
  readonly timeNs: bigint;
  readonly identity: ProcessIdentity | null;
  readonly parentExe: string | null;
  readonly uid: number;
  readonly cgroupId: bigint;
  /** 0 where it could not be found out. */
  readonly exeId: number;
  /** A program that the kernel names by itself, without a script: its next execution says nothing new. */
  readonly plain: boolean;
  /** Too many others waited to be looked at: no more is to be looked for. */
  readonly gaveWay: boolean;
  /** What the kernel executed, and the path it was given: the script's for `#!`. */
  readonly file: FileKey;
  readonly filename: string;
};

export type IdentifierCounts = {
  /** Processes that ended before they could be looked at. */
  vanished: number;
  /** Questions of the kernel without an answer. */
  unanswered: number;
  /** Executions whose arguments the kernel could not read. */
  argumentsMissing: number;
  /** Errors of the file system. */
  failed: number;
};

export type Identifier = {
  readonly onExec: (event: ExecEvent) => Promise<void>;
  readonly onMiss: (event: IdentityMissEvent) => Promise<void>;
  /** Answers for a process that is older than the kernel programs. */
  readonly seed: (record: TaskRecord) => Promise<void>;
  /** A process as it is known; undefined where no agent ever answered for it. */
  readonly processOf: (tgid: number, uid: number) => ProcessRef | undefined;
  /** The number of a process' identity, pending or not: undefined while it is looked for, null if it can't be known. */
  readonly idOf: (process: ProcessRef) => Promise<number | null | undefined>;
  /** Who a process is, for reports. */
  readonly identityOf: (process: ProcessRef) => ProcessIdentity | undefined;
  readonly counts: () => Readonly<IdentifierCounts>;
};

/** Where an identity was met. */
type Occasion = { readonly tgid: number; readonly ppid: number; readonly timeNs: bigint };

/**
 * Answers the kernel's question "what is this process". INVARIANT: what the kernel reads last is written last: rules,
 * subject, identity, then the resolution that makes the process stop being pending. Answers carry the execution's key,
 * so one that comes too late belongs to nobody.
 */
export function createIdentifier(parts: IdentifierParts): Identifier {
  const { kernel, book } = parts;
  const counts: IdentifierCounts = { vanished: 0, unanswered: 0, argumentsMissing: 0, failed: 0 };
  const answerer = createAnswerer(kernel, book, parts.tools, counts);
  const admit = createAdmission(parts);
  const runsStill = (tgid: number, exec: ExecKey) => () => {
    const task = kernel.getTask(tgid);
    return task !== undefined && task.execNs === exec.execNs && task.execTgid === exec.execTgid;
  };

  async function onExec(event: ExecEvent): Promise<void> {
    const { task, tgid, uid, timeNs } = event;
    const { cgroupId, ppid } = task;
    if (event.argumentsUnreadable) counts.argumentsMissing++;
    if (!task.pending && book.executableFacts(task.exeId) !== undefined) {
      // The kernel knows it already; only user and control group may be new.
      const key = { exeId: task.exeId, scriptId: task.scriptId, uid, cgroupId };
      await admit(key, { tgid, ppid, timeNs });
      const plain = !runsScript(event, book.executableFacts(task.exeId)?.exe);
      if (!plain) answerer.markInterpreter(event.file, task.exeId);
      return executed(event, key, { plain, gaveWay: false });
    }
    const execution = executionOfEvent(event, parts.cgroups.tenantOf(cgroupId, tgid));
    const answer = await answerer.answer(execution, runsStill(tgid, execution.exec));
    if (answer === null || answer === undefined) counts.unanswered++;
    else if (await admit({ ...answer, uid, cgroupId }, { tgid, ppid, timeNs })) {
      kernel.setResolution(execution.exec, answer);
    }
    const key = answer === null || answer === undefined ? null : { ...answer, uid, cgroupId };
    await executed(event, key, { plain: false, gaveWay: answer === undefined });
  }

  async function executed(
    event: ExecEvent,
    key: IdentityKey | null,
    how: Pick<Executed, "plain" | "gaveWay">,
  ): Promise<void> {
    const { tgid, timeNs, uid, file, filename } = event;
    const { execNs, execTgid, ppid, cgroupId } = event.task;
    const id = key === null ? undefined : book.find(key);
    const identity = (id === undefined ? undefined : book.processIdentity(id)) ?? null;
    const parentExe = parentExeOf(parts, ppid);
    const exec = { execNs, execTgid, tgid, ppid, timeNs, uid, cgroupId, exeId: key?.exeId ?? 0 };
    await parts.onExecuted({ ...exec, ...how, identity, parentExe, file, filename });
  }

  async function onMiss(miss: IdentityMissEvent): Promise<void> {
    const { process, tgid, timeNs } = miss;
    const { uid, cgroupId, exeId, scriptId, pending } = process;
    const occasion = { tgid, ppid: kernel.getTask(tgid)?.ppid ?? 0, timeNs };
    if (!pending) {
      if (!(await admit({ exeId, scriptId, uid, cgroupId }, occasion))) counts.unanswered++;
      return;
    }
    // Without an answer: the event of its exec was lost, and its arguments with it. It stays unknown.
    const answer = await (answerer.begun(process) ?? lookLate(miss, occasion.ppid));
    if (answer === undefined || answer === null) counts.unanswered++;
    else if (await admit({ ...answer, uid, cgroupId }, occasion)) kernel.setResolution(process, answer);
  }

  /** One that gave way, its arguments with it. */
  async function lookLate(miss: IdentityMissEvent, ppid: number) {
    const { process, tgid } = miss;
    if (!answerer.takeUp(process)) return undefined;
    const tenant = parts.cgroups.tenantOf(process.cgroupId, tgid);
    return answerer.answer(executionOfMiss(miss, ppid, tenant), runsStill(tgid, process));
  }

  async function idOf(process: ProcessRef): Promise<number | null | undefined> {
    const { uid, cgroupId, tgid } = process;
    const answer = process.pending ? await answerer.begun(process) : process;
    if (answer === undefined || answer === null) return answer;
    const key = { exeId: answer.exeId, scriptId: answer.scriptId, uid, cgroupId };
    const ppid = kernel.getTask(tgid)?.ppid ?? 0;
    return (await admit(key, { tgid, ppid, timeNs: kernel.bootNs() })) ? (book.find(key) ?? null) : null;
  }

  async function seed(record: TaskRecord): Promise<void> {
    const { tgid, uid, cgroupId, ppid, timeNs } = record;
    const task = kernel.getTask(tgid);
    if (task !== undefined && (!task.pending || kernel.getResolution(task) !== undefined)) return;
    // One that the kernel saw start while no agent ran keeps the key of its execution.
    const exec = task ?? { execNs: timeNs, execTgid: tgid };
    const execution = await executionOfTask(record, exec, parts.cgroups.tenantOf(cgroupId, tgid));
    const isStill = task === undefined ? () => true : runsStill(tgid, exec);
    const answer = await answerer.answer(execution, isStill);
    if (
      answer === null ||
      answer === undefined ||
      !(await admit({ ...answer, uid, cgroupId }, { tgid, ppid, timeNs }))
    )
      return;
    if (task !== undefined) kernel.setResolution(exec, answer);
    else
      kernel.seedTask(tgid, { ...execution.exec, ...answer, cgroupId, ppid, pending: false, agent: false });
  }

  return {
    onExec,
    onMiss,
    seed,
    idOf,
    counts: () => counts,
    processOf: (tgid, uid) => {
      const task = kernel.getTask(tgid);
      if (task === undefined) return undefined;
      const answer = task.pending ? kernel.getResolution(task) : task;
      return answer === undefined ? undefined : { ...task, ...answer, tgid, uid, pending: false };
    },
    identityOf: (process) => {
      const id = book.find(process);
      return id === undefined ? undefined : book.processIdentity(id);
    },
  };
}

/** Gives the four factors a number that the kernel can judge by; false where there is none to give. */
function createAdmission(parts: IdentifierParts) {
  const { kernel, book, cgroups } = parts;

  async function ownerOf(key: IdentityKey, tgid: number): Promise<OwnerFacts> {
    const cgroup = cgroups.known(key.cgroupId) ?? (await cgroups.ownerOf(key.cgroupId, tgid));
    const { unit, container } = cgroup;
    const image = container === null ? null : ((await parts.containers(container))?.image ?? null);
    return { user: parts.userName(key.uid), unit, container, image };
  }

  return async (key: IdentityKey, { tgid, ppid, timeNs }: Occasion): Promise<boolean> => {
    // A number of an executable or script that the book doesn't know must get no identity.
    if (book.executableFacts(key.exeId) === undefined || !book.hasScript(key.scriptId)) return false;
    const entry = book.identity(key, await ownerOf(key, tgid));
    const identity = entry === null ? undefined : book.processIdentity(entry.id);
    if (entry === null || identity === undefined) return false;
    await parts.admit(entry.id, identity, key.cgroupId);
    // Given back meanwhile: whoever still has this key asks again.
    if (book.find(key) !== entry.id) return false;
    kernel.setIdentity(key, entry.id);
    if (entry.isNew) parts.onSighting({ identity, parentExe: parentExeOf(parts, ppid), timeNs });
    return true;
  };
}

function parentExeOf({ kernel, book }: IdentifierParts, ppid: number): string | null {
  const parent = ppid === 0 ? undefined : kernel.getTask(ppid);
  return (parent === undefined ? undefined : book.executableFacts(parent.exeId)?.exe) ?? null;
}

/** Whether a `#!` line led to an executable that the kernel takes for a plain program. */
function runsScript(event: ExecEvent, executable: string | undefined): boolean {
  if (executable === undefined) return false;
  const { filename, arguments: argv } = event;
  const question = { executable, filename, argv, cwd: "/", environment: new Map<string, string>() };
  return resolveScript(question).source.kind !== "none";
}
