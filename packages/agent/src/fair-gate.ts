/** Who waits: a tenant, a container or the host, and a user of it. */
export type Owner = { readonly tenant: string; readonly user: number };

/** Undefined where the work gave way: too many of the same line wait. */
export type FairGate = <T>(owner: Owner, work: () => Promise<T>) => Promise<T | undefined>;

type Line = { running: number; readonly waiting: ((mayRun: boolean) => void)[] };
type Tenant = { running: number; waiting: number; readonly lines: Map<number, Line> };

/**
 * Lets at most `jobsMax` pieces of work run together and `waitingMax` wait, and of one line, a tenant's user, no more run
 * or wait than are left for the tenant's others, nor more of one tenant than are left for other tenants. Who waits does so
 * in order of arrival within his line; where no more may wait, the first of the line gives way: most likely he has ended.
 * Tenants take turns, and so do a tenant's lines.
 */
export function createFairGate(jobsMax: number, waitingMax: number): FairGate {
  /** The tenant whose turn is next stands first, as does the line in it. */
  const tenants = new Map<string, Tenant>();
  let left = jobsMax;
  let room = waitingMax;

  function nextLine({ running, lines }: Tenant): Line | undefined {
    for (const [user, line] of lines) {
      if (line.waiting.length === 0 || line.running >= left - running) continue;
      lines.delete(user);
      lines.set(user, line);
      return line;
    }
    return undefined;
  }

  function admit(): void {
    for (const [name, tenant] of [...tenants]) {
      const line = nextLine(tenant);
      if (line === undefined) continue;
      tenants.delete(name);
      tenants.set(name, tenant);
      left--;
      tenant.running++;
      line.running++;
      leave(tenant, line)?.(true);
    }
  }

  function leave(tenant: Tenant, line: Line) {
    room++;
    tenant.waiting--;
    return line.waiting.shift();
  }

  /** Whether it may run, or has to give way. */
  function wait(owner: Owner, tenant: Tenant, line: Line): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    line.waiting.push(resolve);
    tenant.waiting++;
    room--;
    admit();
    if (line.waiting.length > room - tenant.waiting) {
      leave(tenant, line)?.(false);
      tidy(owner, tenant, line);
    }
    return promise;
  }

  function tidy(owner: Owner, tenant: Tenant, line: Line): void {
    if (line.running === 0 && line.waiting.length === 0) tenant.lines.delete(owner.user);
    if (tenant.lines.size === 0) tenants.delete(owner.tenant);
  }

  return async (owner, work) => {
    const tenant = tenants.get(owner.tenant) ?? { running: 0, waiting: 0, lines: new Map<number, Line>() };
    tenants.set(owner.tenant, tenant);
    const line = tenant.lines.get(owner.user) ?? { running: 0, waiting: [] };
    tenant.lines.set(owner.user, line);
    if (!(await wait(owner, tenant, line))) return undefined;
    try {
      return await work();
    } finally {
      left++;
      tenant.running--;
      line.running--;
      tidy(owner, tenant, line);
      admit();
    }
  };
}
