/** Versions for each second that a run may last: far more than there are changes, and below 2^53 until 2106. */
const VERSIONS_PER_RUN = 2 ** 21;

/** What changed since which version. A version that is not of this run, or too old, means: send everything. */
export type History = {
  readonly run: number;
  version(): number;
  /** Something about `key` is different now; the new version. */
  touch(key: string): number;
  /** When `key` changed last in this run; 0 for not at all. */
  changedAt(key: string): number;
  /** Whether an agent at `version` has to be sent everything. */
  isTooOld(version: number): boolean;
  /** Forgets what changed: who is behind is sent everything once. */
  forget(): void;
};

/** Versions rise over all runs: `run` is above that of every run before. At most `keysMax` keys are remembered. */
export function createHistory(run: number, keysMax: number): History {
  let first = run * VERSIONS_PER_RUN;
  let version = first;
  const changed = new Map<string, number>();
  const forget = () => {
    changed.clear();
    first = version;
  };
  return {
    run,
    version: () => version,
    touch(key) {
      version += 1;
      if (changed.size >= keysMax && !changed.has(key)) forget();
      changed.set(key, version);
      return version;
    },
    changedAt: (key) => changed.get(key) ?? 0,
    isTooOld: (asked) => asked < first || asked > version,
    forget,
  };
}
