import { fail, formatProblem, ok, type Result } from "@ringwall/model";
import { nextTimeChangeMs, policySetOf } from "@ringwall/policy";
import type { ChangeReply } from "@ringwall/protocol/rest";
import type { Logger } from "pino";
import type { Refusal } from "../../refusal.ts";
import { recordAudit } from "../../store/state/audit.ts";
import { forgetFormer } from "../../store/state/host-policies.ts";
import { confirmPending, nextGeneration, type Pending, type Revision } from "../../store/state/revisions.ts";
import { type CompiledHost, compileFleet, worldOf } from "../compile-fleet.ts";
import { createFleetCompiler } from "../fleet-compiler.ts";
import { liveChanged } from "../meanwhile.ts";
import { createMutex } from "../mutex.ts";
import { type Alarm, createAlarm } from "./alarm.ts";
import { alreadyPending, confirmedTooLate, nothingPending } from "./refusals.ts";
import { type InForce, loadInForce } from "./state.ts";
import { type Change, judgeChange, type StoreChangeParts, storeChange } from "./store-change.ts";
import { storeRevert } from "./store-revert.ts";

/** Whom the audit names where a deadline decided. */
const NOBODY = "ringwall";
/** The database was away: once more after this. */
const AGAIN_MS = 1_000;

/** What is in force, and every way to change it: one at a time, stored before it is sent. Checks hold up changes alone. */
export type Changes = {
  live(): Revision;
  /** The revision on the hosts: the unconfirmed one while there is one. */
  inForce(): Revision;
  pending(): Pending | null;
  /** The highest generation that a revision or a host's policy has now. */
  generation(): number;
  apply(change: Change): Promise<Result<ChangeReply, Refusal>>;
  confirm(
    author: string,
  ): Promise<Result<{ readonly revision: number; readonly generation: number }, Refusal>>;
  /** Takes back `revision`, where it still waits. */
  revertNow(revision: number, author: string): Promise<Result<ChangeReply, Refusal>>;
  /** Something that policies are compiled from is different. */
  inventoryChanged(): void;
  /** Compiles a host's first policy before its agent asks for it. */
  enrolled(workload: string): Promise<void>;
  /** Runs `work` while nothing is being changed. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Takes up a confirmation that was awaited when the controller ended, and sets the timers. */
  resume(): Promise<void>;
  close(): void;
};

export type ChangesParts = StoreChangeParts & {
  readonly log: Logger;
  readonly connected: () => number;
  /** After every change of revision, generation or pending confirmation. */
  readonly onChange: () => void;
  readonly onRevert: (pending: Pending) => Promise<void>;
  /** Before policies are sent: hosts get the keys of the peers that these are about. */
  readonly keysAhead: (compiled: readonly CompiledHost[]) => Promise<void>;
};

/** Loads what is in force; nothing runs until `resume`. */
export async function createChanges(parts: ChangesParts): Promise<Changes> {
  return new StoredChanges(parts, await loadInForce(parts.db));
}

class StoredChanges implements Changes {
  readonly #parts: ChangesParts;
  readonly #oneAtATime = createMutex();
  /** Changes take turns with their checks, which nothing else waits for. */
  readonly #changeAtATime = createMutex();
  readonly #compileFleet: typeof compileFleet;
  readonly #deadline: Alarm;
  readonly #windows: Alarm;
  readonly #again: Alarm;
  #now: InForce;
  #recompileQueued = false;
  /** Something was stored, or may have been, that is not known here yet. */
  #isUnsure = false;
  /** Compiling waits while a change waits for its confirmation, so that what is put back is what was there. */
  #stale = false;

  constructor(parts: ChangesParts, now: InForce) {
    const { log } = parts;
    this.#parts = parts;
    this.#compileFleet = createFleetCompiler((workload) => parts.rollout.wanted(workload));
    this.#now = now;
    this.#deadline = createAlarm(
      () => this.#alone(() => this.#revertIfDue()),
      (error) => log.error({ err: error }, "a change that nobody confirmed could not be taken back yet"),
    );
    const changed = () =>
      createAlarm(
        async () => this.inventoryChanged(),
        () => undefined,
      );
    this.#windows = changed();
    this.#again = changed();
  }

  live(): Revision {
    return this.#now.live;
  }

  inForce(): Revision {
    return this.#now.unconfirmed ?? this.#now.live;
  }

  pending(): Pending | null {
    return this.#now.pending;
  }

  generation(): number {
    const { fleet, rollout } = this.#parts;
    const wanted = fleet.all().map((one) => rollout.wanted(one.name)?.generation ?? 0);
    return Math.max(this.inForce().generation, ...wanted);
  }

  apply(change: Change): Promise<Result<ChangeReply, Refusal>> {
    return this.#changeAtATime(async () => {
      const refused = await this.#alone(async () => this.#refusalOf(change));
      if (refused !== null) return fail(refused);
      const judged = await judgeChange(this.#parts, change);
      return judged.ok ? this.#alone(() => this.#store(change, judged.value)) : judged;
    });
  }

  #refusalOf({ basedOn }: Change): Refusal | null {
    const { pending, live } = this.#now;
    if (pending !== null) return alreadyPending(pending);
    return basedOn === live.revision ? null : liveChanged(live.revision);
  }

  async #store(change: Change, warnings: readonly string[]): Promise<Result<ChangeReply, Refusal>> {
    const refused = this.#refusalOf(change);
    if (refused !== null) return fail(refused);
    this.#isUnsure = true;
    const stored = await storeChange(this.#parts, change);
    if (!stored.ok) {
      this.#isUnsure = false;
      return stored;
    }
    await this.#reload();
    const { revision, generation, hosts, compiled } = stored.value;
    await this.#parts.keysAhead(compiled);
    const told = this.#parts.rollout.push(hosts, this.#now.pending);
    const pending = pendingView(this.#now.pending);
    const reached = { told, connected: this.#parts.connected() };
    return ok({ revision, generation, pending, hosts: reached, warnings: [...warnings] });
  }

  confirm(author: string): ReturnType<Changes["confirm"]> {
    return this.#alone(async () => {
      const { pending } = this.#now;
      if (pending === null) return fail(nothingPending());
      const { revision, generation } = pending;
      if (pending.deadline.getTime() <= Date.now()) {
        await this.#revert(pending, NOBODY);
        return fail(confirmedTooLate(revision));
      }
      this.#isUnsure = true;
      await this.#parts.db.transaction().execute(async (transaction) => {
        await confirmPending(transaction, revision);
        await forgetFormer(transaction);
        await recordAudit(transaction, author, "confirm", { revision, generation });
      });
      await this.#reload();
      this.#parts.rollout.confirmed(revision);
      if (this.#stale) await this.#recompileOrLater();
      return ok({ revision, generation });
    });
  }

  revertNow(awaited: number, author: string): ReturnType<Changes["revertNow"]> {
    return this.#alone(async () => {
      const { pending } = this.#now;
      if (pending?.revision !== awaited)
        return fail(pending === null ? nothingPending() : alreadyPending(pending));
      const told = await this.#revert(pending, author);
      const hosts = { told, connected: this.#parts.connected() };
      const { revision } = this.#now.live;
      return ok({ revision, generation: this.generation(), pending: null, hosts, warnings: [] });
    });
  }

  inventoryChanged(): void {
    // Many hosts may report at once: one compile takes them all.
    if (this.#recompileQueued) return;
    this.#recompileQueued = true;
    this.#alone(() => {
      this.#recompileQueued = false;
      return this.#recompileOrLater();
    }).catch((error: unknown) => {
      this.#recompileQueued = false;
      this.#parts.log.error(
        { err: error },
        "what was stored could not be read again; tried once more in a second",
      );
    });
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#alone(work);
  }

  async enrolled(workload: string): Promise<void> {
    await this.#alone(() => compileLive(this.#parts, this.#now.live, compileFleet, workload));
    this.inventoryChanged();
  }

  async resume(): Promise<void> {
    await this.#reload();
    await this.#alone(async () => {
      await this.#revertIfDue();
      await this.#recompile();
    });
  }

  close(): void {
    this.#deadline.close();
    this.#windows.close();
    this.#again.close();
  }

  /**
   * One piece of work after the other, each on what is stored: where it could not be read again after the last change,
   * a deadline would be missed, or a revision taken back that somebody has confirmed.
   */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#oneAtATime(async () => {
      try {
        if (this.#isUnsure) await this.#reload();
        return await work();
      } finally {
        if (this.#isUnsure) this.#again.set(Date.now() + AGAIN_MS);
      }
    });
  }

  async #reload(): Promise<void> {
    const now = await loadInForce(this.#parts.db);
    await this.#parts.rollout.reload();
    this.#now = now;
    this.#isUnsure = false;
    this.#setAlarms();
    this.#parts.onChange();
  }

  #setAlarms(): void {
    const { pending, live } = this.#now;
    this.#deadline.set(pending?.deadline.getTime() ?? null);
    this.#windows.set(nextTimeChangeMs(policySetOf(live.resources), Date.now()));
  }

  async #revertIfDue(): Promise<void> {
    const { pending } = this.#now;
    if (pending !== null && pending.deadline.getTime() <= Date.now()) await this.#revert(pending, NOBODY);
  }

  async #revert(pending: Pending, author: string): Promise<number> {
    this.#isUnsure = true;
    const restored = await storeRevert(this.#parts.db, pending, author);
    await this.#reload();
    const told = this.#parts.rollout.push(restored, null);
    await this.#parts.onRevert(pending);
    await this.#recompileOrLater();
    return told;
  }

  /** What hosts enforce follows the inventory and the time also where the database is away for a while. */
  async #recompileOrLater(): Promise<void> {
    try {
      await this.#recompile();
    } catch (error) {
      this.#parts.log.error({ err: error }, "hosts could not be compiled anew; tried again in a second");
      this.#again.set(Date.now() + AGAIN_MS);
    }
  }

  async #recompile(): Promise<void> {
    this.#stale = this.#now.pending !== null;
    if (this.#stale) return;
    const changed = await compileLive(this.#parts, this.#now.live, this.#compileFleet, null);
    this.#setAlarms();
    if (changed.length === 0) return;
    this.#parts.rollout.push(changed, null);
    this.#parts.onChange();
  }
}

/** Compiles the live revision for one host, or for all, and stores what differs; the hosts whose policy changed. */
async function compileLive(
  { db, fleet, rollout, essential, log, keysAhead }: ChangesParts,
  live: Revision,
  compile: typeof compileFleet,
  only: string | null,
): Promise<readonly string[]> {
  const world = worldOf(live.resources, fleet);
  if (!world.ok) {
    log.error({ problems: world.error.map(formatProblem) }, "the live revision no longer fits the hosts");
    return [];
  }
  const agents = fleet.all().filter((agent) => only === null || agent.name === only);
  const compiled = await compile(world.value, live.revision, agents, essential, Date.now());
  const changed = await db.transaction().execute(async (transaction) => {
    const generation = await nextGeneration(transaction);
    return rollout.store(transaction, compiled, live.revision, generation);
  });
  await rollout.reload();
  await keysAhead(compiled);
  return changed;
}

export function pendingView(pending: Pending | null): ChangeReply["pending"] {
  if (pending === null) return null;
  const { revision, generation, deadline, what } = pending;
  return { revision, generation, deadline: deadline.toISOString(), what };
}
