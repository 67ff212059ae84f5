import {
  API_VERSION,
  formatAddress,
  isLoopback,
  type Labels,
  parseAddress,
  type Workload,
} from "@ringwall/model";
import type { StateDatabase } from "./open.ts";
import type { StoredListener } from "./tables.ts";

/** What is known of a host that carries an agent. */
export type AgentRecord = {
  readonly name: string;
  readonly agentLabels: Labels;
  /** Labels given by people; they win over the agent's. */
  readonly labels: Labels;
  readonly addresses: readonly string[];
  readonly resolvers: readonly string[];
  readonly version: string;
  readonly lastSeen: Date | null;
  readonly generation: number;
  readonly unconfirmedGeneration: number;
  readonly problem: string;
  readonly pausedUntil: Date | null;
  readonly capabilities: Readonly<Record<string, unknown>> | null;
  readonly listeners: readonly StoredListener[];
  readonly flowsLost: Readonly<Record<string, number>>;
  readonly flowsLostBefore: number;
};

export type StatusUpdate = Pick<
  AgentRecord,
  | "addresses"
  | "resolvers"
  | "version"
  | "generation"
  | "unconfirmedGeneration"
  | "problem"
  | "pausedUntil"
  | "capabilities"
  | "listeners"
> & { readonly counters: Readonly<Record<string, number>> };

/**
 * The hosts with agents: in memory for every question, in PostgreSQL for the next start. One controller holds the
 * database's lock, so that the memory is never behind.
 */
export type Fleet = {
  all(): readonly AgentRecord[];
  get(name: string): AgentRecord | undefined;
  workloads(): readonly Workload[];
  /** The agent whose address it is, if exactly one's. */
  ownerOf(address: string): string | null;
  /** Every agent that reports the address. */
  ownersOf(address: string): readonly string[];
  /** Adds a host, or renews the record of one that enrolled again. */
  enroll(
    name: string,
    labels: Labels,
    addresses: readonly string[],
    version: string,
    enrolledAt?: Date,
  ): Promise<AgentRecord>;
  /** When it enrolled: certificates that were issued before are not good. */
  enrolledAt(name: string): Promise<Date | undefined>;
  /** Whether something changed that policies are compiled from. */
  recordStatus(name: string, update: StatusUpdate): Promise<{ readonly inventoryChanged: boolean }>;
  recordLost(name: string, lost: Readonly<Record<string, number>>): Promise<void>;
  setLabels(name: string, labels: Labels): Promise<AgentRecord | null>;
  /** Something came from its agent. In memory; the next start goes by the last status. */
  seen(name: string): void;
  /** Containers and pods that the host's agent carries, gone ones included. */
  carriedBy(name: string): readonly AgentRecord[];
  /** Whether the host, or who carries it, proves software and reads proofs: it has offered keys. In memory only. */
  isProving(name: string): boolean;
  setProving(name: string, proving: boolean): void;
  /** Forgets the host, with its policy and its certificates. */
  remove(name: string): Promise<void>;
};

/** The label that says whose container it is; the controller writes it, whatever the host said. */
export const CARRIER_LABEL = "carrier";

/** An address that another host has now is no longer this one's, once this one has been silent for so long. */
export const ADDRESS_HOLD_MS = 120_000;

export async function loadFleet(db: StateDatabase): Promise<Fleet> {
  const rows = await db.selectFrom("workloads").selectAll().execute();
  return new StoredFleet(db, rows.map(recordOf));
}

class StoredFleet implements Fleet {
  readonly #db: StateDatabase;
  readonly #agents = new Map<string, AgentRecord>();
  readonly #startedMs = Date.now();
  readonly #proving = new Set<string>();
  readonly #owners = new Map<string, Set<string>>();
  readonly #carried = new Map<string, Set<string>>();

  constructor(db: StateDatabase, agents: readonly AgentRecord[]) {
    this.#db = db;
    for (const agent of agents) this.#index(agent);
  }

  all(): readonly AgentRecord[] {
    return [...this.#agents.values()];
  }

  get(name: string): AgentRecord | undefined {
    return this.#agents.get(name);
  }

  isProving(name: string): boolean {
    const carrier = carrierOf(this.#agents.get(name));
    return this.#proving.has(name) || (carrier !== null && this.#proving.has(carrier));
  }

  carriedBy(name: string): readonly AgentRecord[] {
    return [...(this.#carried.get(name) ?? [])].flatMap((one) => this.#agents.get(one) ?? []);
  }

  setProving(name: string, proving: boolean): void {
    if (proving) this.#proving.add(name);
    else this.#proving.delete(name);
  }

  workloads(): readonly Workload[] {
    return this.all().map(workloadOf);
  }

  ownerOf(address: string): string | null {
    const names = this.#owners.get(address);
    const [only] = names ?? [];
    return names?.size === 1 && only !== undefined ? only : null;
  }

  ownersOf(address: string): readonly string[] {
    return [...(this.#owners.get(address) ?? [])];
  }

  async enroll(
    name: string,
    labels: Labels,
    addresses: readonly string[],
    version: string,
    enrolledAt: Date = new Date(),
  ): Promise<AgentRecord> {
    const columns = {
      agent_labels: JSON.stringify(labels),
      addresses: usableAddresses(addresses),
      version,
      enrolled_at: enrolledAt,
    };
    const row = await this.#db
      .insertInto("workloads")
      .values({ name, ...columns })
      // A host set up anew has no policy in force.
      .onConflict((conflict) =>
        conflict.column("name").doUpdateSet({ ...columns, generation: 0, unconfirmed_generation: 0 }),
      )
      .returningAll()
      .executeTakeFirstOrThrow();
    const record = recordOf(row);
    this.#index(record);
    return record;
  }

  async enrolledAt(name: string): Promise<Date | undefined> {
    const row = await this.#db
      .selectFrom("workloads")
      .select("enrolled_at")
      .where("name", "=", name)
      .executeTakeFirst();
    return row?.enrolled_at;
  }

  async recordStatus(name: string, update: StatusUpdate): Promise<{ readonly inventoryChanged: boolean }> {
    const { counters, ...status } = update;
    const addresses = usableAddresses(status.addresses);
    const resolvers = usableAddresses(status.resolvers);
    const before = this.#agents.get(name);
    if (before !== undefined) await this.#releaseFromSilent(name, addresses);
    const kept = { ...status, addresses, resolvers };
    const after = await this.#update(name, kept, statusColumns(kept, counters));
    const inventoryChanged =
      after !== null &&
      (before?.addresses.join() !== addresses.join() ||
        before?.resolvers.join() !== resolvers.join() ||
        before?.capabilities?.["level"] !== status.capabilities?.["level"]);
    return { inventoryChanged };
  }

  async recordLost(name: string, lost: Readonly<Record<string, number>>): Promise<void> {
    const before = this.#agents.get(name);
    if (before === undefined || sum(before.flowsLost) === sum(lost)) return;
    // Fewer than before: counted from nothing again, since the machine or the agent started anew; each cause by itself.
    const earlier = sum(
      Object.fromEntries(
        Object.entries(before.flowsLost).filter(([cause, count]) => (lost[cause] ?? 0) < count),
      ),
    );
    const flowsLostBefore = before.flowsLostBefore + earlier;
    const columns = { flows_lost: JSON.stringify(lost), flows_lost_before: flowsLostBefore };
    await this.#update(name, { flowsLost: lost, flowsLostBefore }, columns);
  }

  setLabels(name: string, labels: Labels): Promise<AgentRecord | null> {
    return this.#update(name, { labels }, { labels: JSON.stringify(labels) });
  }

  seen(name: string): void {
    const before = this.#agents.get(name);
    if (before !== undefined) this.#agents.set(name, { ...before, lastSeen: new Date() });
  }

  async remove(name: string): Promise<void> {
    await this.#db.deleteFrom("workloads").where("name", "=", name).execute();
    for (const address of this.#agents.get(name)?.addresses ?? []) this.#owners.get(address)?.delete(name);
    const carrier = carrierOf(this.#agents.get(name));
    if (carrier !== null) this.#carried.get(carrier)?.delete(name);
    this.#agents.delete(name);
  }

  #index(after: AgentRecord): void {
    const before = this.#agents.get(after.name);
    for (const address of before?.addresses ?? []) this.#owners.get(address)?.delete(after.name);
    for (const address of after.addresses) {
      this.#owners.set(address, (this.#owners.get(address) ?? new Set()).add(after.name));
    }
    this.#agents.set(after.name, after);
    const carrier = carrierOf(after);
    if (carrier !== null)
      this.#carried.set(carrier, (this.#carried.get(carrier) ?? new Set()).add(after.name));
  }

  async #update(name: string, change: Partial<AgentRecord>, columns: object): Promise<AgentRecord | null> {
    await this.#db.updateTable("workloads").set(columns).where("name", "=", name).execute();
    // Read only now: another update of the same host may have come in between.
    const before = this.#agents.get(name);
    if (before === undefined) return null;
    const after = { ...before, ...change };
    this.#index(after);
    return after;
  }

  /** A host that is gone keeps no address from the one that has it now. */
  async #releaseFromSilent(name: string, addresses: readonly string[]): Promise<void> {
    const wanted = new Set(addresses);
    for (const address of wanted) {
      for (const owner of [...(this.#owners.get(address) ?? [])]) {
        const agent = this.#agents.get(owner);
        // While no controller ran nobody could report, so silence counts from its start.
        const seenMs = agent?.lastSeen == null ? 0 : Math.max(agent.lastSeen.getTime(), this.#startedMs);
        const silentMs = Date.now() - seenMs;
        if (owner === name || agent === undefined || silentMs < ADDRESS_HOLD_MS) continue;
        const rest = agent.addresses.filter((one) => !wanted.has(one));
        await this.#update(owner, { addresses: rest }, { addresses: [...rest] });
      }
    }
  }
}

/** Whose agent carries it: only names below the carrier's count, whatever a label says. */
function carrierOf(agent: AgentRecord | undefined): string | null {
  const carrier = agent?.agentLabels[CARRIER_LABEL];
  return carrier !== undefined && agent?.name.startsWith(`${carrier}/`) === true ? carrier : null;
}

/** The Workload resource that stands for a host with an agent. */
export function workloadOf(agent: AgentRecord): Workload {
  return {
    apiVersion: API_VERSION,
    kind: "Workload",
    metadata: { name: agent.name, labels: { ...agent.agentLabels, ...agent.labels } },
    spec: { addresses: [...agent.addresses], management: "agent" },
  };
}

export function flowsLostOf(agent: AgentRecord): number {
  return agent.flowsLostBefore + sum(agent.flowsLost);
}

/** Sorted, one spelling each, without loopback: that is every machine's. */
function usableAddresses(addresses: readonly string[]): string[] {
  const usable = addresses.flatMap((text) => {
    const address = parseAddress(text.replace(/%.*$/, ""));
    return address === null || isLoopback(address) ? [] : [formatAddress(address)];
  });
  return [...new Set(usable)].sort();
}

function statusColumns(status: Omit<StatusUpdate, "counters">, counters: StatusUpdate["counters"]): object {
  return {
    addresses: [...status.addresses],
    resolvers: [...status.resolvers],
    version: status.version,
    generation: status.generation,
    unconfirmed_generation: status.unconfirmedGeneration,
    problem: status.problem,
    paused_until: status.pausedUntil,
    capabilities: status.capabilities === null ? null : JSON.stringify(status.capabilities),
    counters: JSON.stringify(counters),
    listeners: JSON.stringify(status.listeners),
    last_seen: new Date(),
  };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

type Row = {
  name: string;
  agent_labels: Labels;
  labels: Labels;
  addresses: string[];
  resolvers: string[];
  version: string;
  last_seen: Date | null;
  generation: number;
  unconfirmed_generation: number;
  problem: string;
  paused_until: Date | null;
  capabilities: Record<string, unknown> | null;
  listeners: readonly StoredListener[];
  flows_lost: Record<string, number>;
  flows_lost_before: number;
};

function recordOf(row: Row): AgentRecord {
  return {
    name: row.name,
    agentLabels: row.agent_labels,
    labels: row.labels,
    addresses: row.addresses,
    resolvers: row.resolvers,
    version: row.version,
    lastSeen: row.last_seen,
    generation: row.generation,
    unconfirmedGeneration: row.unconfirmed_generation,
    problem: row.problem,
    pausedUntil: row.paused_until,
    capabilities: row.capabilities,
    listeners: row.listeners,
    flowsLost: row.flows_lost,
    flowsLostBefore: row.flows_lost_before,
  };
}
