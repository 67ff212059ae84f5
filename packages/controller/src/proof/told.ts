/** Which version each agent was told, for who waits until some of them are told a certain one. */
export type Told = {
  has(workload: string, version: number): void;
  /** Resolves when all of `workloads` were told `version`, or after `msMax`. */
  wait(workloads: readonly string[], version: number, msMax: number): Promise<void>;
};

type Waiter = { readonly missing: Set<string>; readonly version: number; readonly done: () => void };

export function createTold(): Told {
  const waiters = new Set<Waiter>();
  return {
    has(workload, version) {
      for (const waiter of waiters) {
        if (version < waiter.version) continue;
        waiter.missing.delete(workload);
        if (waiter.missing.size === 0) waiter.done();
      }
    },
    wait(workloads, version, msMax) {
      if (workloads.length === 0) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          waiters.delete(waiter);
          resolve();
        };
        const timer = setTimeout(done, msMax);
        const waiter: Waiter = { missing: new Set(workloads), version, done };
        waiters.add(waiter);
      });
    },
  };
}
