import { basename } from "node:path";
import { type ExecJudge, isDebugger, isEssentialExec } from "@ringwall/policy/lower";
import type { FileTools } from "../identify/executable-file.ts";
import type { ExecutableFacts } from "../identify/identity-book.ts";
import { interpreterOf } from "../identify/interpreters/resolve-script.ts";
import type { Kernel } from "../kernel/contract.ts";
import type { RunVerdict } from "../kernel/exec-maps.ts";
import { digestHere } from "./started-file.ts";

export type LsmVerdictsParts = {
  readonly kernel: Kernel;
  readonly tools: FileTools;
  readonly executableFacts: (exeId: number) => ExecutableFacts | undefined;
  /** The agent's own executable, by its real path: without it nobody could start the next agent. */
  readonly agentExe: string;
};

export type LsmVerdicts = {
  /** Judges every executable known so far and makes the verdicts live in one step. */
  readonly apply: (judge: ExecJudge, failOpen: boolean) => Promise<void>;
  /** One that was just met. */
  readonly know: (exeId: number, judge: ExecJudge) => Promise<void>;
};

/**
 * The verdicts by which the kernel goes on while no agent runs. Two columns: one is live while the other is filled, so
 * that nobody meets half a policy. What is in neither is for the gate, and without an agent for the fail mode.
 */
export function createLsmVerdicts(parts: LsmVerdictsParts): LsmVerdicts {
  const { kernel, tools, executableFacts } = parts;
  const verdicts = new Map<number, [RunVerdict | undefined, RunVerdict | undefined]>();
  let column = kernel.exec.getColumn();

  async function judgeExecutable(facts: ExecutableFacts, judge: ExecJudge): Promise<RunVerdict> {
    const agent = facts.exe === parts.agentExe;
    const { exe: path, exeSha256: sha256 } = facts;
    const isHere = async () => sha256 !== null && (await digestHere(path, tools)) === sha256;
    const essential = isEssentialExec(path) && (await isHere());
    const interpreter = interpreterOf(basename(path)) !== undefined;
    const file = { ...facts, path, sha256, essential, interpreter, loader: false };
    const { decision, rule } = judge.mayStart(file);
    const allow = facts.unattributable === null && decision === "allow";
    const traces = allow && rule !== "ungoverned" && isDebugger(path) && (await isHere());
    return { allow: allow || agent, changes: essential, agent, traces };
  }

  async function put(exeId: number, into: 0 | 1, judge: ExecJudge): Promise<void> {
    const facts = executableFacts(exeId);
    if (facts === undefined) return;
    const verdict = await judgeExecutable(facts, judge);
    const columns = verdicts.get(exeId) ?? [undefined, undefined];
    columns[into] = verdict;
    verdicts.set(exeId, columns);
    kernel.exec.setVerdict(exeId, columns);
  }

  return {
    apply: async (judge, failOpen) => {
      const next = column === 0 ? 1 : 0;
      for (const columns of verdicts.values()) columns[next] = undefined;
      // Numbers begin at 1 and leave none out.
      for (let exeId = 1; executableFacts(exeId) !== undefined; exeId++) await put(exeId, next, judge);
      kernel.exec.setState({ mode: judge.mode ?? "ungoverned", failOpen, column: next });
      column = next;
    },
    know: async (exeId, judge) => {
      if (exeId !== 0 && verdicts.get(exeId)?.[column] === undefined) await put(exeId, column, judge);
    },
  };
}
