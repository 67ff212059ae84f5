/** Longer timers overflow; the moment is looked at again then. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** The work failed (the database was away): once more after this. */
const RETRY_MS = 1_000;

/**
 * Does one piece of work at a moment that may be moved. INVARIANT: a moment that passed is acted upon, however often it
 * has to be tried.
 */
export type Alarm = {
  /** Null: no moment. */
  set(atMs: number | null): void;
  close(): void;
};

export function createAlarm(work: () => Promise<void>, onError: (error: unknown) => void): Alarm {
  let timer: NodeJS.Timeout | undefined;
  let wanted: number | null = null;
  let closed = false;
  const arm = (delayMs: number) => {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(() => void ring(), Math.min(Math.max(0, delayMs), TIMER_MS_MAX));
  };
  const ring = async () => {
    if (wanted === null) return;
    if (wanted > Date.now()) return arm(wanted - Date.now());
    try {
      await work();
    } catch (error) {
      onError(error);
      arm(RETRY_MS);
    }
  };
  return {
    set(atMs) {
      wanted = atMs;
      clearTimeout(timer);
      if (atMs !== null) arm(atMs - Date.now());
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
