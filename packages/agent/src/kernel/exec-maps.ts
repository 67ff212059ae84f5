/** The LSM programs' maps: what may be executed, and which files are trusted (docs/exec-control.md). */
import type { FileKey, Mode } from "./generated/layout.ts";
import {
  decodeExecHeader,
  encodeExecHeader,
  encodeExecVerdict,
  encodeGuardKey,
  encodeRoutineKey,
  encodeRunKey,
  execHeaderBytes,
  execVerdictBytes,
  guardKeyBytes,
  mode,
  routineKeyBytes,
  run,
  runKeyBytes,
} from "./generated/layout.ts";
import { KernelError } from "./kernel-error.ts";
import { type KernelMap, room, u32 } from "./kernel-map.ts";

/** What may be done by, or with, an executable. */
export interface RunVerdict {
  readonly allow: boolean;
  /** A package manager: it may change trusted files. */
  readonly changes: boolean;
  /** The agent's own executable: it may start what it likes. */
  readonly agent: boolean;
  /** A debugger that a rule names: it may reach into other programs. */
  readonly traces: boolean;
}

export interface ExecState {
  readonly mode: Mode;
  readonly failOpen: boolean;
  /** Which of the two columns of verdicts is live. */
  readonly column: 0 | 1;
}

export interface KernelExec {
  /** Takes effect in one step. */
  readonly setState: (state: ExecState) => void;
  readonly getColumn: () => 0 | 1;
  /** Verdicts of one executable, one for each column; undefined: not judged. */
  readonly setVerdict: (
    exeId: number,
    columns: readonly [RunVerdict | undefined, RunVerdict | undefined],
  ) => void;
  /** From now on changes of this file are seen, and in block refused. */
  readonly guard: (file: FileKey, exeId: number) => void;
  /** Executions like this one are not told any more: nothing is left to be found out about them. */
  readonly addRoutine: (start: RoutineStart) => void;
  /** Every execution is told again. */
  readonly clearRoutine: () => void;
}

/** A plain program, without a script or code that its environment brings. */
export interface RoutineStart {
  readonly file: FileKey;
  readonly exeId: number;
  readonly uid: number;
  readonly cgroupId: bigint;
}

export function kernelExec(maps: {
  readonly execHeader: KernelMap;
  readonly execVerdicts: KernelMap;
  readonly guarded: KernelMap;
  readonly routine: KernelMap;
  /** Whose executions; 0: the host's. */
  readonly workload: number;
}): KernelExec {
  const { workload } = maps;
  const clearRoutine = () => {
    for (const _ of maps.routine.take());
  };
  return {
    setState: (state) => {
      const view = room(execHeaderBytes);
      const { column } = state;
      encodeExecHeader(view, { mode: mode[state.mode], failOpen: state.failOpen ? 1 : 0, column, workload });
      maps.execHeader.set(u32(workload), view);
    },
    getColumn: () => {
      const view = maps.execHeader.get(u32(workload));
      return view !== undefined && decodeExecHeader(view).column === 1 ? 1 : 0;
    },
    setVerdict: (exeId, columns) => {
      const view = room(execVerdictBytes);
      encodeExecVerdict(view, { run: Uint8Array.from(columns.map(bitsOf)) });
      const key = room(runKeyBytes);
      encodeRunKey(key, { exeId, workload });
      maps.execVerdicts.set(key, view);
    },
    guard: ({ inode, device, generation }, exeId) => {
      const key = room(guardKeyBytes);
      encodeGuardKey(key, { inode, device, generation });
      maps.guarded.set(key, u32(exeId));
    },
    addRoutine: ({ exeId, ...start }) => {
      const key = room(routineKeyBytes);
      encodeRoutineKey(key, start);
      try {
        maps.routine.set(key, u32(exeId));
      } catch (error) {
        if (!(error instanceof KernelError) || error.code !== "E2BIG") throw error;
        // What still runs comes back by itself.
        clearRoutine();
      }
    },
    clearRoutine,
  };
}

function bitsOf(verdict: RunVerdict | undefined): number {
  if (verdict === undefined) return 0;
  const { allow, changes, agent, traces } = verdict;
  const more = (changes ? run.changes : 0) | (agent ? run.agent : 0) | (traces ? run.traces : 0);
  return (allow ? run.allow : run.deny) | more;
}
