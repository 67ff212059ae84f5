/** Whose file it is: a tenant, a container or the host, and the file's owner there. */
export type FileOwner = { readonly tenant: string; readonly uid: bigint };

/**
 * Whose piece is next. Tenants take turns, and a tenant's owners do, so one's many files hold up another's by the half at
 * most; of one owner's files that comes first of which least was read, so no file waits for more of another than it has
 * itself.
 */
export type Turns<Job> = {
  readonly add: (owner: FileOwner, job: Job) => void;
  readonly take: () => { readonly owner: FileOwner; readonly job: Job } | undefined;
};

export function createTurns<Job extends { readonly bytesRead: number }>(): Turns<Job> {
  /** The tenant whose turn is next stands first, as does the owner in it. */
  const waiting = new Map<string, Map<bigint, Set<Job>>>();
  return {
    add: ({ tenant, uid }, job) => {
      const owners = waiting.get(tenant) ?? new Map<bigint, Set<Job>>();
      waiting.set(tenant, owners.set(uid, (owners.get(uid) ?? new Set()).add(job)));
    },
    take: () => {
      const [nextTenant] = waiting;
      if (nextTenant === undefined) return undefined;
      const [tenant, owners] = nextTenant;
      const [nextOwner] = owners;
      // INVARIANT: nobody stands here without a job.
      if (nextOwner === undefined) return undefined;
      const [uid, jobs] = nextOwner;
      const job = [...jobs].reduce((a, b) => (b.bytesRead < a.bytesRead ? b : a));
      jobs.delete(job);
      owners.delete(uid);
      if (jobs.size > 0) owners.set(uid, jobs);
      waiting.delete(tenant);
      if (owners.size > 0) waiting.set(tenant, owners);
      return { owner: { tenant, uid }, job };
    },
  };
}
