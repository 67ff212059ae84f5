/**
 * Whose piece is next. Owners take turns, so one's many files hold up another's by the half at most; of one owner's files
 * that comes first of which least was read, so no file waits for more of another than it has itself.
 */
export type Turns<Job> = {
  readonly add: (owner: bigint, job: Job) => void;
  readonly take: () => { readonly owner: bigint; readonly job: Job } | undefined;
};

export function createTurns<Job extends { readonly bytesRead: number }>(): Turns<Job> {
  /** The owner whose turn is next stands first. */
  const waiting = new Map<bigint, Set<Job>>();
  return {
    add: (owner, job) => {
      const jobs = waiting.get(owner) ?? new Set();
      waiting.set(owner, jobs.add(job));
    },
    take: () => {
      const [next] = waiting;
      if (next === undefined) return undefined;
      const [owner, jobs] = next;
      const job = [...jobs].reduce((a, b) => (b.bytesRead < a.bytesRead ? b : a));
      jobs.delete(job);
      waiting.delete(owner);
      if (jobs.size > 0) waiting.set(owner, jobs);
      return { owner, job };
    },
  };
}
