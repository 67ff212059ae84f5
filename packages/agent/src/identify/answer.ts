import { createFairGate } from "../fair-gate.ts";
import type { ExecKey, FileKey, Kernel } from "../kernel/contract.ts";
import {
  type FileTools,
  fileKeyText,
  identifyExecutable,
  type OpenExecutable,
  openExecutable,
} from "./executable-file.ts";
import type { Execution } from "./execution.ts";
import { withRest } from "./execution-sources.ts";
import type { ExecutableFacts, IdentityBook, ScriptFacts } from "./identity-book.ts";
import { interpreterOf } from "./interpreters/resolve-script.ts";
import { closeScript, identifyScript, type OpenScript, openScript } from "./script-file.ts";

/** Executions that wait for their answer or may still be asked about; past it the oldest are forgotten. */
export const EXECUTIONS_REMEMBERED_MAX = 8_192;
/** Executions looked at together: each holds up to two files open. One line has no more than a third of them. */
export const ANSWER_JOBS_MAX = 256;
/** Executions that wait to be looked at, with their arguments and environment; the same. */
export const ANSWERS_WAITING_MAX = 4096;
/** Files whose executable number is known without looking. */
export const FILES_REMEMBERED_MAX = 65_536;

/** What an execution runs, in the book's numbers. */
export type Answer = {
  readonly exeId: number;
  readonly scriptId: number;
  readonly unattributable: boolean;
};

export type Answerer = {
  /**
   * One answer for each execution, however often it is asked for; null where it can't be known, undefined where it gave
   * way to others: it may be asked for anew.
   */
  readonly answer: (execution: Execution, isStill: () => boolean) => Promise<Answer | null | undefined>;
  /** Whether an execution gave way; it does not count as such any more. */
  readonly takeUp: (exec: ExecKey) => boolean;
  /** The answer that was begun for an execution. */
  readonly begun: (exec: ExecKey) => Promise<Answer | null | undefined> | undefined;
  /** From now on the kernel asks for the script of this file's executions. */
  readonly markInterpreter: (file: FileKey, exeId: number) => void;
};

export type AnswerCounts = { vanished: number; failed: number };

type OpenFiles = {
  readonly exe: OpenExecutable | ExecutableFacts | undefined;
  readonly script: OpenScript;
};

/** Finds out what executions run, and tells the kernel of executables that it may know by itself from then on. */
export function createAnswerer(
  kernel: Kernel,
  book: IdentityBook,
  tools: FileTools,
  counts: AnswerCounts,
): Answerer {
  const executions = new Map<string, Promise<Answer | null | undefined>>();
  const gaveWay = new Set<string>();
  const files = new Map<string, number>();
  const gate = createFairGate(ANSWER_JOBS_MAX, ANSWERS_WAITING_MAX);

  /** INVARIANT: every file is open before the last look at whether the process still runs this execution. */
  async function find(begun: Execution, isStill: () => boolean): Promise<Answer | null> {
    const execution = await withRest(begun);
    // Its children, after it has ended: a daemon.
    const isWanted = () => isStill() || kernel.isRunning(execution.exec);
    const known = book.executableFacts(files.get(fileKeyText(execution.file)) ?? 0);
    const opened = known === undefined ? await openExecutable(execution.tgid) : undefined;
    const path = known?.exe ?? opened?.path;
    const script = path === undefined ? undefined : await openScript(execution, path, tools.clock);
    if (path === undefined || script === undefined || !isStill()) {
      counts.vanished++;
      await Promise.all([opened?.file.close(), script === undefined ? undefined : closeScript(script)]);
      return null;
    }
    const [exe, scriptFacts] = await readFiles(execution, { exe: opened ?? known, script }, isWanted);
    const exeId = exe === undefined ? null : book.executable(exe);
    const scriptId = book.script(scriptFacts);
    if (exe === undefined || exeId === null || scriptId === null) return null;
    const unattributable = exe.unattributable !== null || scriptFacts.unattributable !== null;
    return { exeId, scriptId, unattributable };
  }

  async function readFiles(
    execution: Execution,
    { exe, script }: OpenFiles,
    isStill: () => boolean,
  ): Promise<readonly [ExecutableFacts | undefined, ScriptFacts]> {
    try {
      const isOpen = exe !== undefined && "file" in exe;
      const facts = isOpen ? await readExecutable(execution, exe, isStill) : exe;
      return [facts, await identifyScript(execution, script, tools, isStill)];
    } finally {
      await closeScript(script);
    }
  }

  async function readExecutable(
    execution: Execution,
    opened: OpenExecutable,
    isStill: () => boolean,
  ): Promise<ExecutableFacts> {
    try {
      const { facts, lasting } = await identifyExecutable(execution, opened, tools, isStill);
      const exeId = book.executable(facts);
      if (exeId !== null && lasting) remember(execution.file, exeId, interpreterOf(facts.exe) !== undefined);
      return facts;
    } finally {
      await opened.file.close();
    }
  }

  function remember(file: FileKey, exeId: number, interpreter: boolean): void {
    if (files.size >= FILES_REMEMBERED_MAX) forgetOldest(files);
    files.set(fileKeyText(file), exeId);
    kernel.setExecutable(file, exeId, interpreter);
  }

  function giveWay(key: string): void {
    executions.delete(key);
    if (gaveWay.size >= EXECUTIONS_REMEMBERED_MAX) forgetOldest(gaveWay);
    gaveWay.add(key);
  }

  return {
    takeUp: (exec) => gaveWay.delete(execText(exec)),
    begun: (exec) => executions.get(execText(exec)),
    markInterpreter: (file, exeId) => remember(file, exeId, true),
    answer: (execution, isStill) => {
      const key = execText(execution.exec);
      const known = executions.get(key);
      if (known !== undefined) return known;
      if (executions.size >= EXECUTIONS_REMEMBERED_MAX) forgetOldest(executions);
      const owner = { tenant: execution.tenant, user: execution.uid };
      const answer = gate(owner, () => find(execution, isStill)).then(
        (found) => {
          if (found === undefined) giveWay(key);
          return found;
        },
        () => {
          if (isStill()) counts.failed++;
          else counts.vanished++;
          return null;
        },
      );
      executions.set(key, answer);
      return answer;
    },
  };
}

function execText(exec: ExecKey): string {
  return `${exec.execNs}:${exec.execTgid}`;
}

function forgetOldest(kept: Map<string, unknown> | Set<string>): void {
  const [oldest] = kept.keys();
  if (oldest !== undefined) kept.delete(oldest);
}
