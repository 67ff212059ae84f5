import type { Problem } from "@ringwall/model";
import { changedByOthers, ownFile } from "./own-files.ts";

/** A file that only the agent writes, and that says what it goes by after a restart. */
export type GuardedFile = {
  readonly path: string;
  /** Writes it anew from what the agent knows. */
  readonly restore: () => Promise<void> | void;
};

/** Watches files of the state directory: root can edit them, and the next agent would go by what stands there. */
export type StateGuard = {
  /** Puts back what others have changed or removed. */
  readonly look: () => Promise<void>;
  /** What was changed since the agent started. */
  readonly problems: () => readonly Problem[];
};

export function createStateGuard(
  files: readonly GuardedFile[],
  nowMs: () => number,
  onEdited: (message: string) => void,
): StateGuard {
  const found = new Map<string, Problem>();
  for (const { path } of files) ownFile(path);

  return {
    look: async () => {
      for (const { path, restore } of files) {
        const what = changedByOthers(path);
        if (what === null) continue;
        const problem = editedProblem(`\`${path}\` was ${what} by another hand`, nowMs());
        found.set(path, problem);
        onEdited(problem.message);
        await restore();
      }
    },
    problems: () => [...found.values()],
  };
}

export function editedProblem(what: string, nowMs: number): Problem {
  return {
    code: "state-edited",
    severity: "error",
    message: `${what}, seen at ${new Date(nowMs).toISOString()}, and put right`,
    fix: "find out who did that: it takes root; what the agent goes by is what the controller says",
  };
}
