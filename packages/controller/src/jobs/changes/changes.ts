import { fail, formatProblem, ok, type Result } from "@ringwall/model";
import { nextTimeChangeMs, policySetOf } from "@ringwall/policy";
import type { ChangeReply } from "@ringwall/protocol/rest";
import type { Logger } from "pino";
import type { Refusal } from "../../refusal.ts";
import { forgetFormer } from "../../store/state/host-policies.ts";
import { confirmPending, nextGeneration, type Pending, type Revision } from "../../store/state/revisions.ts";
import { compileFleet, worldOf } from "../compile-fleet.ts";
import { createMutex } from "../mutex.ts";
import { createAlarm } from "./alarm.ts";
import { alreadyPending, confirmedTooLate, nothingPending } from "./refusals.ts";
import { loadInForce } from "./state.ts";
import { type Change, type StoreChangeParts, storeChange } from "./store-change.ts";
import { storeRevert } from "./store-revert.ts";

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
};

export async function createChanges(parts: ChangesParts): Promise<Changes> {
  const { db, log } = parts;
  const oneAtATime = createMutex();
  let now = await loadInForce(db);
  let recompileQueued = false;
  /** Compiling waits while a change waits for its confirmation, so that what is put back is what was there. */
  let stale = false;

  const reload = async () => {
    now = await loadInForce(db);
    await parts.rollout.reload();
    setAlarms();
    parts.onChange();
  };
  const setAlarms = () => {
    deadline.set(now.pending?.deadline.getTime() ?? null);
    windows.set(nextTimeChangeMs(policySetOf(now.live.resources), Date.now()));
  };
  const revert = async (pending: Pending): Promise<number> => {
    const restored = await storeRevert(db, pending);
    await reload();
    const told = parts.rollout.push(restored, null);
    await parts.onRevert(pending);
    await recompile();
    return told;
  };
  const recompile = async (): Promise<void> => {
    stale = now.pending !== null;
    if (stale) return;
    const changed = await compileLive(parts, now.live, null);
    setAlarms();
    if (changed.length === 0) return;
    parts.rollout.push(changed, null);
    parts.onChange();
  };
  const revertIfDue = async () => {
    if (now.pending !== null && now.pending.deadline.getTime() <= Date.now()) await revert(now.pending);
  };
  const apply = async (change: Change): Promise<Result<ChangeReply, Refusal>> => {
    if (now.pending !== null) return fail(alreadyPending(now.pending));
    const stored = await storeChange(parts, change);
    if (!stored.ok) return stored;
    await reload();
    const { revision, generation, hosts, warnings } = stored.value;
    const told = parts.rollout.push(hosts, now.pending);
    const pending = pendingView(now.pending);
    return ok({
      revision,
      generation,
      pending,
      hosts: { told, connected: parts.connected() },
      warnings: [...warnings],
    });
  };
  const confirm = async (): ReturnType<Changes["confirm"]> => {
    if (now.pending === null) return fail(nothingPending());
    const { revision, generation, deadline: until } = now.pending;
    if (until.getTime() <= Date.now()) {
      await revert(now.pending);
      return fail(confirmedTooLate(revision));
    }
    await db.transaction().execute(async (transaction) => {
      await confirmPending(transaction, revision);
      await forgetFormer(transaction);
    });
    await reload();
    parts.rollout.confirmed(revision);
    if (stale) await recompile();
    return ok({ revision, generation });
  };
  const revertNow = async (): Promise<ChangeReply | null> => {
    if (now.pending === null) return null;
    const told = await revert(now.pending);
    const generation = Math.max(
      0,
      ...parts.fleet.all().map((one) => parts.rollout.wanted(one.name)?.generation ?? 0),
    );
    const hosts = { told, connected: parts.connected() };
    return { revision: now.live.revision, generation, pending: null, hosts, warnings: [] };
  };
  const inventoryChanged = () => {
    // Many hosts may report at once: one compile takes them all.
    if (recompileQueued) return;
    recompileQueued = true;
    oneAtATime(async () => {
      recompileQueued = false;
      await recompile();
    }).catch((error: unknown) => log.error({ err: error }, "hosts could not be compiled anew"));
  };
  const deadline = createAlarm(
    () => oneAtATime(revertIfDue),
    (error) => log.error({ err: error }, "a change that nobody confirmed could not be taken back yet"),
  );
  const windows = createAlarm(
    async () => inventoryChanged(),
    () => undefined,
  );

  return {
    live: () => now.live,
    inForce: () => now.unconfirmed ?? now.live,
    pending: () => now.pending,
    apply: (change) => oneAtATime(() => apply(change)),
    confirm: () => oneAtATime(confirm),
    revertNow: () => oneAtATime(revertNow),
    inventoryChanged,
    exclusively: oneAtATime,
    async enrolled(workload) {
      await oneAtATime(() => compileLive(parts, now.live, workload));
      inventoryChanged();
    },
    async resume() {
      await reload();
      await oneAtATime(async () => {
        await revertIfDue();
        await recompile();
      });
    },
    close() {
      deadline.close();
      windows.close();
    },
  };
}

/** Compiles the live revision for one host, or for all, and stores what differs; the hosts whose policy changed. */
async function compileLive(
  { db, fleet, rollout, essential, log }: ChangesParts,
  live: Revision,
  only: string | null,
): Promise<readonly string[]> {
  const world = worldOf(live.resources, fleet);
  if (!world.ok) {
    log.error({ problems: world.error.map(formatProblem) }, "the live revision no longer fits the hosts");
    return [];
  }
  const agents = fleet.all().filter((agent) => only === null || agent.name === only);
  const compiled = compileFleet(world.value, live.revision, agents, essential, Date.now());
  const changed = await db.transaction().execute(async (transaction) => {
    const generation = await nextGeneration(transaction);
    return rollout.store(transaction, compiled, live.revision, generation);
  });
  await rollout.reload();
  return changed;
}

export function pendingView(pending: Pending | null): ChangeReply["pending"] {
  if (pending === null) return null;
  const { revision, generation, deadline, what } = pending;
  return { revision, generation, deadline: deadline.toISOString(), what };
}
