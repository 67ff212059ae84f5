import type { ProcessIdentity } from "@ringwall/model";
import type {
  ExecEvent,
  ExecKey,
  ExitEvent,
  FileKey,
  IdentityKey,
  IdentityMissEvent,
  Kernel,
  ProcessRef,
  TaskRecord,
} from "../kernel/contract.ts";
import type { CgroupLookup } from "./cgroups.ts";
import {
  type ExecutableFile,
  type FileTools,
  fileKeyText,
  identifyExecutable,
  type OpenExecutable,
  openExecutable,
} from "./executable-file.ts";
import type { Execution } from "./execution.ts";
import type { ExecutableFacts, IdentityBook, OwnerFacts } from "./identity-book.ts";
import { interpreterOf } from "./interpreters/resolve-script.ts";
import { readProcStrings } from "./proc.ts";
import { closeScript, identifyScript, openScript } from "./script-file.ts";

/** Executions that wait for their answer or may still be asked about; past it the oldest are forgotten. */
export const EXECUTIONS_REMEMBERED_MAX = 8_192;
/** Files whose executable number is known without looking. */
export const FILES_REMEMBERED_MAX = 65_536;

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
  /** Puts an identity's subject and rules into the live slot; called before the kernel may use the identity. */
  readonly admit: (id: number, identity: ProcessIdentity) => Promise<void>;
  readonly onSighting: (sighting: ExecSighting) => void;
};

export type IdentifierCounts = {
  vanished: number;
  unanswered: number;
  argumentsMissing: number;
  failed: number;
};

export type Identifier = {
  readonly onExec: (event: ExecEvent) => Promise<void>;
  readonly onExit: (event: ExitEvent) => void;
  readonly onMiss: (event: IdentityMissEvent) => Promise<void>;
  /** Answers for a process that is older than the kernel programs. */
  readonly seed: (record: TaskRecord) => Promise<void>;
  /** A process as it is known; undefined where this agent never answered for it. */
  readonly processOf: (tgid: number, uid: number) => ProcessRef | undefined;
  /** Who a process is, for reports. */
  readonly identityOf: (process: ProcessRef) => ProcessIdentity | undefined;
  readonly counts: () => Readonly<IdentifierCounts>;
};

type Answer = { readonly exeId: number; readonly scriptId: number; readonly unattributable: boolean };

/**
 * Answers the kernel's question "what is this process". INVARIANT: what the kernel reads last is written last: rules,
 * subject, identity, then the resolution that makes the process stop being pending. Answers carry the execution's key,
 * so one that comes too late belongs to nobody.
 */
export function createIdentifier(parts: IdentifierParts): Identifier {
  const { kernel, book, tools } = parts;
  const counts: IdentifierCounts = { vanished: 0, unanswered: 0, argumentsMissing: 0, failed: 0 };
  const executions = new Map<string, Promise<Answer | null>>();
  const files = new Map<string, number>();

  /** One answer for each execution, however often it is asked for. */
  function answerFor(execution: Execution, isStill: () => boolean): Promise<Answer | null> {
    const key = execText(execution.exec);
    const known = executions.get(key);
    if (known !== undefined) return known;
    if (executions.size >= EXECUTIONS_REMEMBERED_MAX) forgetOldest(executions);
    const answer = identify(execution, isStill).catch(() => {
      counts.failed++;
      return null;
    });
    executions.set(key, answer);
    return answer;
  }

  /** INVARIANT: every file is open before the last look at whether the process still runs this execution. */
  async function identify(execution: Execution, isStill: () => boolean): Promise<Answer | null> {
    const known = book.executableFacts(files.get(fileKeyText(execution.file)) ?? 0);
    const opened = known === undefined ? await openExecutable(execution.tgid) : undefined;
    const path = known?.exe ?? opened?.path;
    const script = path === undefined ? undefined : await openScript(execution, path);
    if (path === undefined || script === undefined || !isStill()) {
      counts.vanished++;
      await Promise.all([opened?.file.close(), script === undefined ? undefined : closeScript(script)]);
      return null;
    }
    const exe = opened === undefined ? known : await readExecutable(execution, opened);
    const scriptFacts = await identifyScript(execution, script, tools);
    const exeId = exe === undefined ? null : book.executable(exe);
    const scriptId = book.script(scriptFacts);
    if (exe === undefined || exeId === null || scriptId === null) return null;
    return {
      exeId,
      scriptId,
      unattributable: exe.unattributable !== null || scriptFacts.unattributable !== null,
    };
  }

  async function readExecutable(execution: Execution, opened: OpenExecutable): Promise<ExecutableFacts> {
    try {
      const found = await identifyExecutable(execution, opened, tools);
      const exeId = book.executable(found.facts);
      if (exeId !== null && found.lasting) remember(execution.file, exeId, found);
      return found.facts;
    } finally {
      await opened.file.close();
    }
  }

  function remember(file: FileKey, exeId: number, found: ExecutableFile): void {
    if (files.size >= FILES_REMEMBERED_MAX) forgetOldest(files);
    files.set(fileKeyText(file), exeId);
    kernel.setExecutable(file, exeId, interpreterOf(found.facts.exe) !== undefined);
  }

  async function ownerOf(key: IdentityKey, tgid: number): Promise<OwnerFacts> {
    const cgroup = parts.cgroups.known(key.cgroupId) ?? (await parts.cgroups.ownerOf(key.cgroupId, tgid));
    return { user: parts.userName(key.uid), unit: cgroup.unit, container: cgroup.container };
  }

  /** Gives the four factors a number that the kernel can judge by. */
  async function admitIdentity(
    key: IdentityKey,
    tgid: number,
    ppid: number,
    timeNs: bigint,
  ): Promise<boolean> {
    const entry = book.identity(key, await ownerOf(key, tgid));
    const identity = entry === null ? undefined : book.processIdentity(entry.id);
    if (entry === null || identity === undefined) return false;
    await parts.admit(entry.id, identity);
    kernel.setIdentity(key, entry.id);
    if (entry.isNew) parts.onSighting({ identity, parentExe: parentExe(ppid), timeNs });
    return true;
  }

  function parentExe(ppid: number): string | null {
    const parent = ppid === 0 ? undefined : kernel.getTask(ppid);
    return (parent === undefined ? undefined : book.executableFacts(parent.exeId)?.exe) ?? null;
  }

  async function settle(execution: Execution, isStill: () => boolean): Promise<void> {
    const answer = await answerFor(execution, isStill);
    if (answer === null) {
      counts.unanswered++;
      return;
    }
    const { uid, cgroupId, tgid, ppid, beganNs } = execution;
    if (await admitIdentity({ ...answer, uid, cgroupId }, tgid, ppid, beganNs)) {
      kernel.setResolution(execution.exec, answer);
    }
  }

  const runsStill = (tgid: number, exec: ExecKey) => () => {
    const task = kernel.getTask(tgid);
    return task !== undefined && task.execNs === exec.execNs && task.execTgid === exec.execTgid;
  };

  return {
    counts: () => counts,
    onExec: async (event) => {
      const { execNs, execTgid } = event.task;
      const exec = { execNs, execTgid };
      const execution = await executionOfEvent(event, exec);
      if (event.argumentsUnreadable) counts.argumentsMissing++;
      await settle(execution, runsStill(event.tgid, exec));
    },
    onExit: (event) => {
      // Children may share the execution and ask later; it only goes first when room is needed.
      const key = execText(event);
      const answer = executions.get(key);
      if (answer === undefined) return;
      executions.delete(key);
      executions.set(key, answer);
    },
    onMiss: async ({ process, tgid, timeNs }) => {
      const answer = await executions.get(execText(process));
      const exeId = answer?.exeId ?? process.exeId;
      const scriptId = answer?.scriptId ?? process.scriptId;
      // Pending and without an answer: the event of its exec was lost, and its arguments with it. It stays unknown.
      if ((answer === undefined || answer === null) && (process.pending || exeId === 0)) {
        counts.unanswered++;
        return;
      }
      const ppid = kernel.getTask(tgid)?.ppid ?? 0;
      const { uid, cgroupId } = process;
      const admitted = await admitIdentity({ exeId, scriptId, uid, cgroupId }, tgid, ppid, timeNs);
      if (admitted && answer !== undefined && answer !== null) kernel.setResolution(process, answer);
    },
    seed: async (record) => {
      const { tgid } = record;
      const task = kernel.getTask(tgid);
      if (task !== undefined && (!task.pending || kernel.getResolution(task) !== undefined)) return;
      // One that the kernel saw start while no agent ran keeps the key of its execution.
      const exec = task ?? { execNs: record.timeNs, execTgid: tgid };
      const execution = await executionOfTask(record, exec);
      const answer = await answerFor(execution, task === undefined ? () => true : runsStill(tgid, exec));
      if (answer === null) return;
      const { uid, cgroupId, ppid } = record;
      if (!(await admitIdentity({ ...answer, uid, cgroupId }, tgid, ppid, record.timeNs))) return;
      if (task !== undefined) kernel.setResolution(exec, answer);
      else
        kernel.seedTask(tgid, { ...execution.exec, ...answer, cgroupId, ppid, pending: false, agent: false });
    },
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

/** Where the kernel's copy was cut off, the rest is read from the process; what it may have changed only adds. */
async function executionOfEvent(event: ExecEvent, exec: ExecKey): Promise<Execution> {
  const { tgid, file, uid, task, timeNs, filename } = event;
  const argv =
    event.argumentsTruncated || event.argumentsUnreadable
      ? await readProcStrings(tgid, "cmdline")
      : event.arguments;
  const environment = event.environmentTruncated
    ? [...new Set([...event.environment, ...(await readProcStrings(tgid, "environ"))])]
    : event.environment;
  const { cgroupId, ppid } = task;
  return {
    exec,
    tgid,
    file,
    uid,
    cgroupId,
    ppid,
    beganNs: timeNs,
    filename,
    argv,
    environment,
    cwdInode: event.cwdInode,
  };
}

async function executionOfTask(record: TaskRecord, exec: ExecKey): Promise<Execution> {
  const { tgid, file, uid, cgroupId, ppid, timeNs } = record;
  return {
    exec: { execNs: exec.execNs, execTgid: exec.execTgid },
    tgid,
    file,
    uid,
    cgroupId,
    ppid,
    beganNs: timeNs,
    filename: "",
    argv: await readProcStrings(tgid, "cmdline"),
    environment: await readProcStrings(tgid, "environ"),
    cwdInode: undefined,
  };
}

function execText(exec: ExecKey | ProcessRef): string {
  return `${exec.execNs}:${exec.execTgid}`;
}

function forgetOldest<V>(map: Map<string, V>): void {
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
