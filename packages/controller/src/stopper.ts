/** Ends what was started, last first. */
export type Stopper = {
  add(end: () => Promise<void>): void;
  /** Safe to call twice; one failure keeps nothing else from being ended. */
  stop(): Promise<void>;
};

export function createStopper(): Stopper {
  const ends: (() => Promise<void>)[] = [];
  let stopping: Promise<void> | null = null;
  const stopAll = async () => {
    const failures: unknown[] = [];
    for (const end of ends.toReversed()) {
      try {
        await end();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "not everything could be ended in order");
  };
  return {
    add: (end) => void ends.push(end),
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}
