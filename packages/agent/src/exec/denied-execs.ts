import type { ProcessIdentity } from "@ringwall/model";

/** Distinct denials that wait for the next report; past it they are counted as lost. */
export const DENIALS_WAITING_MAX = 4096;

/** What became of an execution that no `run` rule allows. */
export type ExecFate = "ran" | "refused" | "killed";

export type DeniedExec = {
  readonly identity: ProcessIdentity;
  readonly parentExe: string | null;
  readonly timeNs: bigint;
  readonly fate: ExecFate;
  readonly alert: boolean;
  readonly rule: string;
  readonly count: number;
};

export type DeniedExecs = {
  readonly add: (denied: Omit<DeniedExec, "count">) => void;
  /** All that was added since, those alike as one. */
  readonly take: () => readonly DeniedExec[];
  readonly lost: () => bigint;
};

/** Denials between two reports: a program that is started in a loop is one record with a count. */
export function createDeniedExecs(waitingMax = DENIALS_WAITING_MAX): DeniedExecs {
  let waiting = new Map<string, DeniedExec>();
  let lost = 0n;
  return {
    add: (denied) => {
      const { timeNs: _time, ...alike } = denied;
      const key = JSON.stringify(alike);
      const before = waiting.get(key);
      if (before === undefined && waiting.size >= waitingMax) lost++;
      else waiting.set(key, { ...denied, count: (before?.count ?? 0) + 1 });
    },
    take: () => {
      const taken = [...waiting.values()];
      waiting = new Map();
      return taken;
    },
    lost: () => lost,
  };
}
