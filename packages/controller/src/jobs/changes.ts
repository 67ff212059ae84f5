import { fail, formatProblem, ok, type Problem, type Resource, type Result } from "@ringwall/model";
import { checkPolicy, nextTimeChangeMs, policySetOf } from "@ringwall/policy";
import type { ChangeReply } from "@ringwall/protocol/rest";
import type { Logger } from "pino";
import { type Refusal, refusal } from "../refusal.ts";
import type { Fleet } from "../store/state/fleet.ts";
import { forgetFormer, keepFormer, restoreFormer } from "../store/state/host-policies.ts";
import type { StateDatabase } from "../store/state/open.ts";
import {
  confirmPending,
  insertRevision,
  loadDraft,
  loadLive,
  loadPending,
  loadRevision,
  nextGeneration,
  type Pending,
  type Revision,
  revertPending,
  saveDraft,
  savePending,
} from "../store/state/revisions.ts";
import type { DraftFile } from "../store/state/tables.ts";
import { compileFleet, compileProblems, worldOf } from "./compile-fleet.ts";
import { type EssentialSource, essentialOfFleet } from "./essential.ts";
import { createMutex } from "./mutex.ts";
import type { Rollout } from "./rollout.ts";

/** Timers beyond it overflow; a later deadline is looked at again. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** The database was away at the deadline: once more after this. */
const RETRY_MS = 1_000;

export type Change = {
  readonly resources: readonly Resource[];
  readonly what: string;
  readonly note: string;
  readonly author: string;
  /** Null: final at once, since nothing can break by it. */
  readonly confirmWithinSeconds: number | null;
  /** The draft that goes with the change, put back with it. */
  readonly draft: readonly DraftFile[] | null;
  readonly warnings: readonly string[];
};

/** What is in force, and every way to change it: one at a time, stored before it is sent. */
export type Changes = {
  live(): Revision;
  /** The revision on the hosts: the unconfirmed one while there is one. */
  inForce(): Revision;
  pending(): Pending | null;
  apply(change: Change): Promise<Result<ChangeReply, Refusal>>;
  confirm(): Promise<Result<{ readonly revision: number; readonly generation: number }, Refusal>>;
  /** Takes back what waits; null when nothing does. */
  revertNow(): Promise<ChangeReply | null>;
  /** Something that policies are compiled from is different. */
  inventoryChanged(): void;
  /** Compiles a host's first policy before its agent asks for it. */
  enrolled(workload: string): Promise<void>;
  /** Takes up a confirmation that was awaited when the controller ended, and sets the timers. */
  resume(): Promise<void>;
  close(): void;
};

export type ChangesParts = {
  readonly db: StateDatabase;
  readonly fleet: Fleet;
  readonly rollout: Rollout;
  readonly essential: EssentialSource;
  readonly log: Logger;
  readonly connected: () => number;
  /** After every change of revision, generation or pending confirmation. */
  readonly onChange: () => void;
  readonly onRevert: (pending: Pending) => Promise<void>;
};

export async function createChanges(parts: ChangesParts): Promise<Changes> {
  const { db, fleet, rollout, essential, log } = parts;
  const oneAtATime = createMutex();
  let live = await loadLive(db);
  let pending = await loadPending(db);
  let unconfirmed: Revision | null = null;
  let stale = false;
  let queued = false;
  let deadlineTimer: NodeJS.Timeout | undefined;
  let windowTimer: NodeJS.Timeout | undefined;
  let closed = false;

  const reload = async () => {
    live = await loadLive(db);
    pending = await loadPending(db);
    unconfirmed = pending === null ? null : await loadRevision(db, pending.revision);
    await rollout.reload();
    setTimers();
    parts.onChange();
  };

  const setTimers = () => {
    clearTimeout(deadlineTimer);
    clearTimeout(windowTimer);
    if (closed) return;
    if (pending !== null) {
      const restMs = Math.max(0, pending.deadline.getTime() - Date.now());
      deadlineTimer = setTimeout(() => void whenDue(), Math.min(restMs, TIMER_MS_MAX));
    }
    const next = nextTimeChangeMs(policySetOf(live.resources), Date.now());
    if (next !== null) {
      const restMs = Math.max(0, next - Date.now());
      windowTimer = setTimeout(() => changes.inventoryChanged(), Math.min(restMs, TIMER_MS_MAX));
      windowTimer.unref();
    }
  };

  /** INVARIANT: a deadline that passed is acted upon, however often the database has to be asked. */
  const whenDue = async (): Promise<void> => {
    try {
      await oneAtATime(async () => {
        if (pending === null) return;
        if (pending.deadline.getTime() > Date.now()) setTimers();
        else await revert(pending);
      });
    } catch (error) {
      log.error({ err: error }, "a change that nobody confirmed could not be taken back yet");
      if (!closed) deadlineTimer = setTimeout(() => void whenDue(), RETRY_MS);
    }
  };

  const revert = async (what: Pending): Promise<number> => {
    const restored = await db.transaction().execute(async (transaction) => {
      const workloads = await restoreFormer(transaction, await nextGeneration(transaction));
      await revertPending(transaction, what.revision);
      if (what.draftBefore !== null && what.draftAfter !== null) {
        const { files, basedOn } = await loadDraft(transaction);
        const untouched = JSON.stringify(files) === JSON.stringify(what.draftAfter);
        if (untouched) await saveDraft(transaction, what.draftBefore, Math.min(basedOn, live.revision));
      }
      return workloads;
    });
    await reload();
    const told = rollout.push(restored, null);
    await parts.onRevert(what);
    await recompile();
    return told;
  };

  /** Compiles the live revision for every host and sends what differs. While a change waits, only notes that it is due. */
  const recompile = async (): Promise<void> => {
    stale = pending !== null;
    if (stale) return;
    const world = worldOf(live.resources, fleet);
    if (!world.ok) {
      log.error({ problems: world.error.map(formatProblem) }, "the live revision no longer fits the hosts");
      return;
    }
    const compiled = compileFleet(world.value, live.revision, fleet.all(), essential, Date.now());
    const generation = await nextGeneration(db);
    const changed = await db
      .transaction()
      .execute((transaction) => rollout.store(transaction, compiled, live.revision, generation));
    await rollout.reload();
    setTimers();
    if (changed.length === 0) return;
    rollout.push(changed, null);
    parts.onChange();
  };

  const judge = (
    change: Change,
  ): Result<
    { compiled: (revision: number) => ReturnType<typeof compileFleet>; warnings: readonly string[] },
    Refusal
  > => {
    const world = worldOf(change.resources, fleet);
    if (!world.ok) return fail(policyRefused(world.error));
    const found = checkPolicy(world.value.set, world.value.inventory, {
      essential: essentialOfFleet(essential, fleet.all()),
      nowMs: Date.now(),
      proof: "unavailable",
    });
    if (found.some((one) => one.severity === "error")) return fail(policyRefused(found));
    const compiled = (revision: number) =>
      compileFleet(world.value, revision, fleet.all(), essential, Date.now());
    return ok({ compiled, warnings: found.map((one) => one.message) });
  };

  const apply = async (change: Change): Promise<Result<ChangeReply, Refusal>> => {
    if (pending !== null) return fail(alreadyPending(pending));
    const judged = judge(change);
    if (!judged.ok) return judged;
    const stored = await db.transaction().execute(async (transaction) => {
      const waits = change.confirmWithinSeconds !== null;
      const revision = await insertRevision(transaction, {
        ...change,
        state: waits ? "unconfirmed" : "live",
      });
      const compiled = judged.value.compiled(revision);
      const compiles = compileProblems(compiled);
      if (!compiles.ok) throw new RefusedInTransaction(policyRefused(compiles.error));
      const generation = await nextGeneration(transaction);
      if (waits) await keepFormer(transaction);
      const hosts = await rollout.store(transaction, compiled, revision, generation);
      const { files, basedOn } = await loadDraft(transaction);
      const draftAfter = change.draft ?? files;
      await saveDraft(transaction, draftAfter, change.draft === null ? basedOn : revision);
      if (change.confirmWithinSeconds !== null) {
        const deadline = new Date(Date.now() + change.confirmWithinSeconds * 1000);
        const { what } = change;
        await savePending(transaction, {
          revision,
          generation,
          deadline,
          what,
          draftBefore: files,
          draftAfter,
        });
      }
      await transaction
        .insertInto("audit")
        .values({
          actor: change.author,
          what: change.what,
          details: JSON.stringify({ revision, generation }),
        })
        .execute();
      return { revision, generation, hosts };
    });
    await reload();
    const told = rollout.push(stored.hosts, pending);
    return ok({
      revision: stored.revision,
      generation: stored.generation,
      pending: pendingView(pending),
      hosts: { told, connected: parts.connected() },
      warnings: [...judged.value.warnings, ...change.warnings],
    });
  };

  const changes: Changes = {
    live: () => live,
    inForce: () => unconfirmed ?? live,
    pending: () => pending,
    apply: (change) =>
      oneAtATime(() => apply(change)).catch((error: unknown) => {
        if (error instanceof RefusedInTransaction) return fail(error.refusal);
        throw error;
      }),
    confirm: () =>
      oneAtATime(async () => {
        if (pending === null) {
          return fail(
            refusal(409, "nothing-pending", "nothing waits for a confirmation", {
              fix: "the last change was confirmed already, or was taken back at its deadline: see `ringwall get revisions`",
            }),
          );
        }
        const { revision, generation, deadline } = pending;
        if (deadline.getTime() <= Date.now()) {
          await revert(pending);
          return fail(
            refusal(
              409,
              "confirmed-too-late",
              `the deadline of revision ${revision} has passed: it was taken back`,
              {
                fix: "make the change again, with a longer --confirm-within if need be",
              },
            ),
          );
        }
        await db.transaction().execute(async (transaction) => {
          await confirmPending(transaction, revision);
          await forgetFormer(transaction);
        });
        await reload();
        rollout.confirmed(generation);
        if (stale) await recompile();
        return ok({ revision, generation });
      }),
    revertNow: () =>
      oneAtATime(async () => {
        if (pending === null) return null;
        const told = await revert(pending);
        const generation = Math.max(
          0,
          ...fleet.all().map((one) => rollout.wanted(one.name)?.generation ?? 0),
        );
        const hosts = { told, connected: parts.connected() };
        return { revision: live.revision, generation, pending: null, hosts, warnings: [] };
      }),
    inventoryChanged() {
      // Many hosts may report at once: one compile takes them all.
      if (queued || closed) return;
      queued = true;
      void oneAtATime(async () => {
        queued = false;
        if (!closed) await recompile();
      }).catch((error: unknown) => log.error({ err: error }, "hosts could not be compiled anew"));
    },
    async enrolled(workload) {
      await oneAtATime(async () => {
        const world = worldOf(live.resources, fleet);
        const agent = fleet.get(workload);
        if (!world.ok || agent === undefined) return;
        const compiled = compileFleet(world.value, live.revision, [agent], essential, Date.now());
        await rollout.store(db, compiled, live.revision, await nextGeneration(db));
        await rollout.reload();
      });
      changes.inventoryChanged();
    },
    async resume() {
      await reload();
      await oneAtATime(async () => {
        if (pending !== null && pending.deadline.getTime() <= Date.now()) await revert(pending);
        else await recompile();
      });
    },
    close() {
      closed = true;
      clearTimeout(deadlineTimer);
      clearTimeout(windowTimer);
    },
  };
  return changes;
}

/** Rolls the transaction back. */
class RefusedInTransaction extends Error {
  readonly refusal: Refusal;
  constructor(why: Refusal) {
    super(why.detail);
    this.refusal = why;
  }
}

export function pendingView(pending: Pending | null): ChangeReply["pending"] {
  if (pending === null) return null;
  const { revision, generation, deadline, what } = pending;
  return { revision, generation, deadline: deadline.toISOString(), what };
}

function policyRefused(problems: readonly Problem[]): Refusal {
  return refusal(422, "policy-refused", "the policy has errors, so that it was not provisioned", {
    problems,
    fix: "put right what the problems name; what is in force stays in force",
  });
}

function alreadyPending(pending: Pending): Refusal {
  return refusal(
    409,
    "confirmation-pending",
    `revision ${pending.revision} (${pending.what}) waits for its confirmation until ${pending.deadline.toISOString()}`,
    { fix: "`ringwall confirm` keeps it, `ringwall rollback` takes it back; then make this change" },
  );
}
