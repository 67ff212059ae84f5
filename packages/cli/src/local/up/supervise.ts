import { setTimeout } from "node:timers/promises";
import { describeExit, type Part } from "./part.ts";

/** A part that crashed comes back after this time… */
export const RESTART_DELAY_MS = 500;
/** …unless it crashed this often within the window: then something is wrong that restarting does not mend. */
export const RESTARTS_MAX = 5;
export const RESTART_WINDOW_MS = 60_000;

export type Supervised = {
  /** Resolves when the part has crashed too often and is left alone. */
  readonly givenUp: Promise<void>;
  /** Ends the part for good, as `Part.end` does. */
  readonly end: (hurry?: AbortSignal) => Promise<void>;
};

/** Keeps a part running: starts it again within a second of a crash, as often as the limits allow. */
export function supervise(
  name: string,
  first: Part,
  start: () => Part,
  tell: (line: string) => void,
): Supervised {
  let part = first;
  let isEnding = false;
  const crashesMs: number[] = [];
  const ending = new AbortController();

  const watch = async (): Promise<void> => {
    for (;;) {
      const exit = await part.exited;
      if (isEnding) return;
      crashesMs.push(performance.now());
      const recent = crashesMs.filter((at) => at > performance.now() - RESTART_WINDOW_MS).length;
      if (recent > RESTARTS_MAX) {
        tell(
          `the ${name} ended ${recent} times within ${RESTART_WINDOW_MS / 1000} s and is not started again; its log says why`,
        );
        return;
      }
      tell(`the ${name} ended (${describeExit(exit)}) and is started again`);
      await setTimeout(RESTART_DELAY_MS, undefined, { signal: ending.signal }).catch(() => undefined);
      if (isEnding) return;
      part = start();
    }
  };
  const watched = watch();
  return {
    givenUp: watched.then(() => (isEnding ? new Promise<never>(() => undefined) : undefined)),
    end: async (hurry) => {
      isEnding = true;
      ending.abort();
      await part.end(hurry);
      await watched;
    },
  };
}
