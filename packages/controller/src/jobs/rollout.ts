import type { Transaction } from "kysely";
import type { Logger } from "pino";
import type { Hub } from "../api/agents/hub.ts";
import { loadHostPolicies, type StoredHostPolicy, saveHostPolicies } from "../store/state/host-policies.ts";
import type { StateDatabase } from "../store/state/open.ts";
import { nextGeneration, type Pending, raiseGenerations } from "../store/state/revisions.ts";
import type { Tables } from "../store/state/tables.ts";
import type { CompiledHost } from "./compile-fleet.ts";

/** An agent's claim beyond this is no generation of ours; a lost database may well be behind an honest one. */
export const GENERATION_CLAIM_MAX = 2 ** 40;
/** A host that does not take its policy is told again, but not more often than this, … */
const RESEND_MS = 2_000;
/** … and not more often than this with the same policy: it says in its status why it refuses. */
const RESENDS_MAX = 3;

type Access = StateDatabase | Transaction<Tables>;

/** What each host is to have in force, stored first and then sent to every connected host at once. */
export type Rollout = {
  wanted(workload: string): StoredHostPolicy | undefined;
  /** Stores changed policies under `generation`; the workloads whose policy changed. Sends nothing yet. */
  store(
    db: Access,
    compiled: readonly CompiledHost[],
    revision: number,
    generation: number,
  ): Promise<readonly string[]>;
  /** Takes over into memory what `store` wrote, when its transaction is through. */
  reload(): Promise<void>;
  /** Sends the hosts their stored policies; the number that were connected and told. */
  push(workloads: readonly string[], pending: Pending | null): number;
  /** Tells every connected host under this revision that it stays. */
  confirmed(revision: number): void;
  /** What a host that connects has to hear. */
  greet(workload: string, generation: number, pending: Pending | null): Promise<void>;
  /** Tells a host again that lost its policy: by its own revert after the confirmation, for example. */
  reconcile(workload: string, inForce: number, unconfirmed: number, pending: Pending | null): Promise<void>;
};

export async function createRollout(
  db: StateDatabase,
  hub: Hub,
  log: Logger,
  nowMs: () => number,
): Promise<Rollout> {
  return new StoredRollout({ db, hub, log, nowMs }, await loadHostPolicies(db));
}

type RolloutParts = {
  readonly db: StateDatabase;
  readonly hub: Hub;
  readonly log: Logger;
  readonly nowMs: () => number;
};

class StoredRollout implements Rollout {
  readonly #parts: RolloutParts;
  readonly #sentMs = new Map<string, number>();
  readonly #resends = new Map<string, { readonly digest: string; readonly count: number }>();
  #stored: Map<string, StoredHostPolicy>;

  constructor(parts: RolloutParts, stored: Map<string, StoredHostPolicy>) {
    this.#parts = parts;
    this.#stored = stored;
  }

  wanted(workload: string): StoredHostPolicy | undefined {
    return this.#stored.get(workload);
  }

  async store(
    db: Access,
    compiled: readonly CompiledHost[],
    revision: number,
    generation: number,
  ): Promise<readonly string[]> {
    const changed = compiled.filter((host) => isChanged(host, this.#stored.get(host.workload)));
    const rows = changed.flatMap(({ workload, result, held }) => {
      if (result.ok) {
        const problem = held?.message ?? "";
        return [{ workload, generation, revision, ...result.value, problem }];
      }
      // What can't be compiled leaves the former policy in force, and says so.
      const problem = result.error.map((one) => one.message).join("; ");
      this.#parts.log.error({ workload, problem }, "no policy for a host");
      const former = this.#stored.get(workload);
      return former === undefined ? [] : [{ ...former, problem }];
    });
    await saveHostPolicies(db, rows);
    return changed.filter(({ result }) => result.ok).map(({ workload }) => workload);
  }

  async reload(): Promise<void> {
    this.#stored = await loadHostPolicies(this.#parts.db, this.#stored);
  }

  push(workloads: readonly string[], pending: Pending | null): number {
    return workloads.filter((workload) => {
      const row = this.#stored.get(workload);
      return row !== undefined && this.#send(row, pending);
    }).length;
  }

  confirmed(revision: number): void {
    for (const workload of this.#parts.hub.connected()) {
      const row = this.#stored.get(workload);
      if (row?.revision === revision) this.#confirm(workload, row.generation);
    }
  }

  async greet(workload: string, generation: number, pending: Pending | null): Promise<void> {
    const row = this.#stored.get(workload);
    if (row === undefined) return;
    const ahead = generation > row.generation;
    if (ahead) {
      const words = "an agent is ahead of the database";
      this.#parts.log.warn({ workload, generation, stored: row.generation }, words);
    }
    const current = ahead ? await this.#renumber(row, generation) : row;
    this.#send(current, pending);
    if (pending?.revision !== current.revision) this.#confirm(workload, current.generation);
  }

  async reconcile(
    workload: string,
    inForce: number,
    unconfirmed: number,
    pending: Pending | null,
  ): Promise<void> {
    const { hub, nowMs } = this.#parts;
    const row = this.#stored.get(workload);
    if (row === undefined) return;
    const waits = pending?.revision === row.revision;
    if (inForce === row.generation) {
      // In force but still waiting there: the confirmation got lost.
      if (unconfirmed === row.generation && !waits) this.#confirm(workload, row.generation);
      return;
    }
    const recently = nowMs() - (this.#sentMs.get(workload) ?? 0) < RESEND_MS;
    const before = this.#resends.get(workload);
    const count = before?.digest === row.digest ? before.count + 1 : 1;
    if (waits || recently || count > RESENDS_MAX || !hub.isConnected(workload)) return;
    this.#resends.set(workload, { digest: row.digest, count });
    this.#send(await this.#renumber(row, inForce), pending);
  }

  #send(row: StoredHostPolicy, pending: Pending | null): boolean {
    const { hub, nowMs } = this.#parts;
    const waits = pending !== null && pending.revision === row.revision;
    this.#sentMs.set(row.workload, nowMs());
    return hub.send(row.workload, {
      case: "policy",
      value: {
        $typeName: "ringwall.agent.v1.PolicyUpdate",
        generation: BigInt(row.generation),
        hostPolicy: row.policy,
        digest: Buffer.from(row.digest, "hex"),
        confirmWithinSeconds: waits ? secondsLeft(pending, nowMs()) : 0,
      },
    });
  }

  #confirm(workload: string, generation: number): void {
    this.#parts.hub.send(workload, {
      case: "confirm",
      value: { $typeName: "ringwall.agent.v1.Confirm", generation: BigInt(generation) },
    });
  }

  /**
   * The same policy under a generation above everything the host has seen. INVARIANT: never while a change is being
   * stored, which would overwrite one by the other; callers go through `Changes.exclusively`.
   */
  async #renumber(row: StoredHostPolicy, above: number): Promise<StoredHostPolicy> {
    const { db } = this.#parts;
    if (above >= row.generation) await raiseGenerations(db, above);
    const renewed = { ...row, generation: await nextGeneration(db) };
    await saveHostPolicies(db, [renewed]);
    this.#stored.set(row.workload, renewed);
    return renewed;
  }
}

function isChanged(host: CompiledHost, former: StoredHostPolicy | undefined): boolean {
  return (
    !host.result.ok ||
    former === undefined ||
    former.digest !== host.result.value.digest ||
    former.problem !== (host.held?.message ?? "")
  );
}

/** Whole seconds, so that a host never reverts before the controller would. */
function secondsLeft(pending: Pending, nowMs: number): number {
  return Math.max(1, Math.ceil((pending.deadline.getTime() - nowMs) / 1000));
}
