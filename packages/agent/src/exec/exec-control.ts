import type { ProcessIdentity } from "@ringwall/model";
import {
  createExecJudge,
  type ExecJudge,
  type HostPolicy,
  isEssentialExec,
  type StartedFile,
} from "@ringwall/policy/lower";
import { createFairGate } from "../fair-gate.ts";
import type { FileTools } from "../identify/executable-file.ts";
import type { Executed } from "../identify/identifier.ts";
import type { ExecutableFacts } from "../identify/identity-book.ts";
import type { FileKey, Kernel, LsmEvent, ProcessRef } from "../kernel/contract.ts";
import { isPaused } from "../pause/set-pause.ts";
import type { DeniedExec, DeniedExecs, ExecFate } from "./denied-execs.ts";
import { createGateKeeper } from "./gate-keeper.ts";
import type { GateAnswer, GateQuestion } from "./gate-process.ts";
import { killExecution } from "./kill-execution.ts";
import type { LsmVerdicts } from "./lsm-verdicts.ts";
import { digestHere, lookAtFile, lookBack } from "./started-file.ts";
import type { TamperWatch } from "./tampering.ts";

/** Files of processes that have ended, looked at together, and those that wait for it. */
const LOOKS_BACK_MAX = 64;
const LOOKS_BACK_WAITING_MAX = 1024;
/** Files of which is remembered what they were, to name them when they are refused again. */
const FILES_REMEMBERED_MAX = 4096;
/** File systems without questions that are told of. */
const UNMARKED_TOLD_MAX = 64;

export type ExecControlParts = {
  readonly kernel: Kernel;
  readonly tools: FileTools;
  readonly denied: DeniedExecs;
  /** Path below the cgroup2 root that the agent speaks for; empty: everything. */
  readonly scope: string;
  /** Only these file systems are asked about; undefined: all. For tests. */
  readonly paths: readonly string[] | undefined;
  /** Whether the kernel would ask at all. */
  readonly available: boolean;
  readonly agentPid: number;
  /** User, unit and container of a process that is about to become another program. */
  readonly ownerOf: (
    cgroupId: bigint,
    pid: number,
    uid: number,
  ) => Promise<Pick<ProcessIdentity, "user" | "unit" | "container">>;
  /** Who shares with whom what is read. */
  readonly tenantOf: (cgroupId: bigint, pid: number) => string;
  readonly exeOf: (pid: number) => string | null;
  readonly executableFacts: (exeId: number) => ExecutableFacts | undefined;
  /** Tells the kernel what a file is; returns its executable's number, 0 where there is none left. */
  readonly remember: (key: FileKey, file: StartedFile) => number;
  readonly identityOf: (process: ProcessRef) => ProcessIdentity | undefined;
  readonly isElsewhere: (container: string) => boolean;
  readonly tampering: TamperWatch;
  /** Null where the kernel has no LSM programs. */
  readonly lsm: LsmVerdicts | null;
  readonly onProblem: (message: string) => void;
};

export type ExecControl = {
  /** Before the policy is in force in the kernel; null: nothing governs. */
  readonly setPolicy: (policy: HostPolicy | null) => Promise<void>;
  readonly onExec: (executed: Executed) => Promise<void>;
  /** The kernel refused an execution, or saw a change of a trusted executable. */
  readonly onLsm: (event: LsmEvent) => Promise<void>;
  /** Questions that the clock answered, and processes that were ended. */
  readonly counts: () => Readonly<
    Record<"execQuestions" | "execExpired" | "execRefused" | "execKilled", number>
  >;
  /** Enforcement was paused by hand, or is back: answers from before count no more. */
  readonly pauseChanged: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/**
 * What may be executed. In observe and alert, executions are judged when they are known and only told. In block a file
 * is judged before it runs, by the gate; and the process once its arguments are known, which ends it.
 */
export function createExecControl(parts: ExecControlParts): ExecControl {
  const { kernel, tools, denied } = parts;
  const counts = { execQuestions: 0, execExpired: 0, execRefused: 0, execKilled: 0 };
  const looksBack = createFairGate(LOOKS_BACK_MAX, LOOKS_BACK_WAITING_MAX);
  const files = new Map<string, ProcessIdentity>();
  const unmarked = new Set<string>();
  let judge: ExecJudge = createExecJudge(null);
  let failOpen = false;
  let stopped = false;
  const gate = createGateKeeper({
    scope: parts.scope,
    ...(parts.paths === undefined ? {} : { paths: parts.paths }),
    onAsk,
    onDenied: (question) => {
      onDenied(question).catch(() => undefined);
    },
    onExpired: () => {
      counts.execExpired++;
    },
    onUnmarked,
    onProblem: parts.onProblem,
  });
  // What an agent before this one had judged, by a policy of then.
  kernel.exec.clearRoutine();

  async function isEssential(identity: ProcessIdentity): Promise<boolean> {
    if (!isEssentialExec(identity.exe) || identity.exeSha256 === null) return false;
    return (await digestHere(identity.exe, tools)) === identity.exeSha256;
  }

  async function onExec(executed: Executed): Promise<void> {
    const by = judge;
    if (by.mode === null) {
      if (executed.identity === null) await findAgain(executed);
      return settle(executed, by);
    }
    await parts.lsm?.know(executed.exeId, by);
    if (executed.ppid === parts.agentPid) return;
    const { identity } = executed;
    if (identity === null) return judgeUnknown(executed, by);
    const { decision, rule } = by.judge(identity, await isEssential(identity));
    if (decision === "allow") {
      await trust(executed, identity, rule);
      return settle(executed, by);
    }
    const killed = by.mode === "block" && (await kill(executed));
    // What has ended by itself before the signal came did run.
    tell({ ...executed, identity }, killed ? "killed" : "ran", rule, by);
  }

  /** The kernel need not tell of its next executions, as long as this policy holds. */
  function settle(executed: Executed, by: ExecJudge): void {
    if (executed.plain && executed.identity !== null && by === judge) kernel.exec.addRoutine(executed);
  }

  /** What a rule names is watched from now on. */
  async function trust(executed: Executed, { exe, exeSha256 }: ProcessIdentity, rule: string): Promise<void> {
    if (exeSha256 === null || rule === "ungoverned") return;
    if (parts.lsm !== null && executed.exeId !== 0) kernel.exec.guard(executed.file, executed.exeId);
    await parts.tampering.trust(exe, executed.file.inode, exeSha256);
  }

  async function onLsm({
    act,
    file,
    exeId,
    refused,
    process,
    filename,
    timeNs,
    tgid,
  }: LsmEvent): Promise<void> {
    const facts = parts.executableFacts(exeId);
    const path = facts?.exe ?? filename;
    if (act === "exec") {
      counts.execRefused++;
      const name = { package: facts?.package ?? null, evidence: facts?.evidence ?? null };
      const known = identityOf({ ...name, path, sha256: facts?.exeSha256 ?? null });
      const identity = await owned(known, { ...process, tgid });
      return tell({ identity, parentExe: parts.exeOf(tgid), timeNs }, "refused", "default", judge);
    }
    const who = parts.identityOf(process) ?? null;
    const before = facts?.exeSha256 ?? "";
    const told = { path, sha256Before: before, sha256After: null, process: who, refused, timeNs };
    if (act === "memory") return parts.tampering.add({ ...told, inMemory: true });
    parts.tampering.add(told);
    if (!refused) await parts.tampering.trust(path, file.inode, before);
  }

  /** Nobody will find out what it is. Losing information must not widen; most have ended already. */
  async function judgeUnknown(executed: Executed, by: ExecJudge): Promise<void> {
    // At the end of the agent files are left that would have said it.
    const killed = by.mode === "block" && !failOpen && !stopped && (await kill(executed));
    const found = await findAgain(executed);
    if (found === undefined) {
      if (!killed) return;
      const nothing = identityOf({ package: null, evidence: null, path: executed.filename, sha256: null });
      return tell({ ...executed, identity: await owned(nothing, executed) }, "killed", "default", by);
    }
    const { exeId, file } = found;
    const { decision, rule } = by.mayStart(file);
    const known = identityOf(file);
    await parts.lsm?.know(exeId, by);
    if (decision === "allow" && !killed) return trust({ ...executed, exeId }, known, rule);
    const identity = await owned(known, executed);
    tell({ ...executed, identity }, killed ? "killed" : "ran", killed ? "default" : rule, by);
  }

  /** The same with who ran it. */
  async function owned(
    identity: ProcessIdentity,
    { cgroupId, tgid, uid }: Pick<Executed, "cgroupId" | "tgid" | "uid">,
  ): Promise<ProcessIdentity> {
    return { ...identity, ...(await parts.ownerOf(cgroupId, tgid, uid)) };
  }

  /** What a process ran that has ended before it was looked at; from the next time on the kernel knows it by itself. */
  async function findAgain({ filename, file: key, gaveWay, cgroupId, tgid, uid }: Executed) {
    if (gaveWay) return undefined;
    const tenant = parts.tenantOf(cgroupId, tgid);
    const looked = await looksBack({ tenant, user: uid }, () => lookBack(filename, key, tools, tenant));
    if (looked === undefined) return undefined;
    const { file, lasting } = looked;
    return { file, exeId: lasting ? parts.remember(key, file) : 0 };
  }

  async function kill(executed: Executed): Promise<boolean> {
    if (isPaused(kernel)) return false;
    const killed = await killExecution(kernel, executed, executed.tgid);
    counts.execKilled += killed;
    return killed > 0;
  }

  function tell(
    { identity, parentExe, timeNs }: Pick<DeniedExec, "identity" | "parentExe" | "timeNs">,
    fate: ExecFate,
    rule: string,
    by: ExecJudge,
  ): void {
    const { container } = identity;
    // A carried container tells by itself what ran in it; what this policy refused, only this one can tell.
    if (fate === "ran" && container !== null && parts.isElsewhere(container)) return;
    const name = rule === "default" ? "" : rule;
    denied.add({ identity, parentExe, timeNs, fate, alert: by.mode !== "observe", rule: name });
  }

  async function onAsk(question: GateQuestion, path: string): Promise<GateAnswer> {
    counts.execQuestions++;
    // What runs is judged, and told, all the same.
    if (isPaused(kernel)) return { allow: true, keep: false };
    const by = judge;
    const tenant = parts.tenantOf(kernel.getTask(question.pid)?.cgroupId ?? 0n, question.pid);
    const { file, lasting } = await lookAtFile(path, tools, tenant);
    const { decision } = by.mayStart(file);
    if (decision === "allow") return { allow: true, keep: lasting && by === judge };
    if (files.size >= FILES_REMEMBERED_MAX) files.clear();
    files.set(question.key, identityOf(file));
    return { allow: false, keep: lasting && by === judge };
  }

  async function onDenied({ key, pid, uid }: GateQuestion): Promise<void> {
    counts.execRefused++;
    const file = files.get(key);
    if (file === undefined) return;
    const timeNs = kernel.bootNs();
    const parentExe = parts.exeOf(pid);
    const cgroupId = kernel.getTask(pid)?.cgroupId ?? 0n;
    const identity = { ...file, ...(await parts.ownerOf(cgroupId, pid, uid)) };
    tell({ identity, parentExe, timeNs }, "refused", "default", judge);
  }

  /** The gate tries again with every new mount; once is enough to hear of it. */
  function onUnmarked(what: string): void {
    if (unmarked.has(what) || unmarked.size >= UNMARKED_TOLD_MAX) return;
    unmarked.add(what);
    parts.onProblem(`executions are not asked about in a file system: ${what}`);
  }

  return {
    setPolicy: async (policy) => {
      judge = createExecJudge(policy);
      kernel.exec.clearRoutine();
      failOpen = policy?.fail === "open";
      files.clear();
      parts.tampering.forget();
      await parts.lsm?.apply(judge, failOpen);
      if (judge.mode !== "block" || !parts.available || stopped) return gate.close();
      await gate.keep(failOpen);
    },
    onExec,
    onLsm,
    pauseChanged: async () => {
      files.clear();
      await gate.forget();
    },
    counts: () => counts,
    stop: async () => {
      stopped = true;
      await gate.close();
    },
  };
}

/** A process of which no more is known than its file. */
function identityOf({
  path,
  sha256,
  package: name,
  evidence,
}: Pick<StartedFile, "path" | "sha256" | "package" | "evidence">): ProcessIdentity {
  const unknown = { script: null, scriptSha256: null, unattributable: null, environment: [] };
  const owner = { user: null, unit: null, container: null, image: null };
  return { ...unknown, ...owner, exe: path, exeSha256: sha256, package: name, evidence };
}
