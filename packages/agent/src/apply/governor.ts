import { isDeepStrictEqual } from "node:util";
import { fail, ok, type Problem, type Result } from "@ringwall/model";
import type { HostPolicy } from "@ringwall/policy/lower";
import { acceptUpdate, type PolicyOffer } from "../plan/accept-update.ts";
import { editedProblem } from "../state/state-guard.ts";
import { type Clocks, deadlineIn, millisecondsLeft } from "./deadline.ts";
import { loadPolicyState, type PolicyState, type StoredPolicy, savePolicyState } from "./policy-store.ts";

export type GovernorParts = {
  readonly stateDir: string;
  readonly workload: string;
  readonly clocks: Clocks;
  readonly capabilities: ReadonlySet<string>;
  /** Makes a policy live in the kernel; null = none, nothing governed. */
  readonly enforce: (generation: bigint, policy: HostPolicy | null) => Promise<void>;
  /** What the kernel judges by; 0 for nothing. */
  readonly inKernel: () => bigint;
  /** After every change of what is in force or waits. */
  readonly onChange: (what: string) => void;
};

/** Which policy is in force on this host, and the promise to put the former one back. */
export type Governor = {
  /** Puts what was in force before a restart in force again, or what it has to go back to. */
  readonly start: () => Promise<void>;
  readonly offer: (offer: PolicyOffer) => Promise<Result<void>>;
  readonly confirm: (generation: bigint) => Promise<void>;
  readonly state: () => PolicyState;
  /** Why the newest offer is not in force. */
  readonly problems: () => readonly Problem[];
  /** Writes down again what is in force. */
  readonly save: () => Promise<void>;
  /** When all that was offered before is in force or refused. */
  readonly settled: () => Promise<void>;
  readonly stop: () => void;
};

/** Longest sleep before the deadline is looked at again: timers stand still while the machine sleeps. */
const DEADLINE_CHECK_MS_MAX = 30_000;
const RETRY_MS = 1000;

export async function createGovernor(parts: GovernorParts): Promise<Governor> {
  const { stateDir, clocks } = parts;
  let state = await loadPolicyState(stateDir);
  let problems: readonly Problem[] = [];
  /** Of what an agent before this one left on disk. */
  let edited: readonly Problem[] = [];
  /** Until the controller has said the same again, what is in force is what stood on disk. */
  let isFromDisk = state.current !== null;
  let timer: NodeJS.Timeout | undefined;
  let tail: Promise<unknown> = Promise.resolve();

  /** One change at a time, in order of arrival. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = tail.then(work, work);
    tail = done.catch(() => undefined);
    return done;
  }

  async function change(next: PolicyState, what: string): Promise<void> {
    await savePolicyState(stateDir, next);
    const { generation, policy } = next.current ?? { generation: 0n, policy: null };
    if (next.current !== state.current) {
      try {
        await parts.enforce(generation, policy);
      } catch (error) {
        // What is in force has not changed, so what is saved must not say so.
        await savePolicyState(stateDir, state);
        throw error;
      }
    }
    state = next;
    watchDeadline();
    parts.onChange(what);
  }

  function watchDeadline(): void {
    clearTimeout(timer);
    if (state.waiting === null) return;
    const restMs = Math.max(0, millisecondsLeft(state.waiting.deadline, clocks));
    timer = setTimeout(
      () => void inTurn(revertIfDue).catch(retryLater),
      Math.min(restMs, DEADLINE_CHECK_MS_MAX),
    );
  }

  /** The kernel refused the former policy: try again, since giving up would leave a lock-out standing. */
  function retryLater(): void {
    timer = setTimeout(() => void inTurn(revertIfDue).catch(retryLater), RETRY_MS);
  }

  async function revertIfDue(): Promise<void> {
    const { waiting, current } = state;
    if (waiting === null || current === null) return;
    if (millisecondsLeft(waiting.deadline, clocks) > 0) return watchDeadline();
    const { generation } = current;
    problems = [
      {
        code: "policy-reverted",
        severity: "error",
        message: `generation ${generation} was put back: nobody confirmed it in time`,
        fix: "provision again, and confirm it with `ringwall confirm`",
      },
    ];
    const { former } = waiting;
    await parts.enforce(former?.generation ?? 0n, former?.policy ?? null);
    state = { current: former, waiting: null, revertedGeneration: generation };
    parts.onChange(
      `put generation ${former?.generation ?? 0n} back in force: ${generation} was not confirmed`,
    );
    await saveAtLast();
  }

  /** A full disk must not leave a lock-out standing: what is saved has a deadline that has passed, and is put back again. */
  async function saveAtLast(): Promise<void> {
    try {
      await savePolicyState(stateDir, state);
    } catch {
      timer = setTimeout(() => void inTurn(saveAtLast), RETRY_MS);
    }
  }

  async function offer(incoming: PolicyOffer): Promise<Result<void>> {
    const { current, waiting, revertedGeneration } = state;
    // The controller says what is in force again after every reconnection.
    if (incoming.generation === current?.generation)
      return isFromDisk ? compare(incoming, current) : ok(undefined);
    const accepted = acceptUpdate(incoming, {
      workload: parts.workload,
      generation: current?.generation ?? 0n,
      revertedGeneration,
      capabilities: parts.capabilities,
    });
    if (!accepted.ok) {
      problems = accepted.error;
      parts.onChange(`refused generation ${incoming.generation}`);
      return accepted;
    }
    problems = [];
    isFromDisk = false;
    const next: StoredPolicy = { generation: incoming.generation, policy: accepted.value };
    // What to go back to is the last policy that somebody confirmed, not one that still waits itself.
    const former = waiting === null ? current : waiting.former;
    const seconds = incoming.confirmWithinSeconds;
    const waits = seconds === 0 ? null : { former, deadline: deadlineIn(seconds, clocks) };
    const suffix = seconds === 0 ? "" : `, to be confirmed within ${seconds} s`;
    try {
      await change(
        { current: next, waiting: waits, revertedGeneration },
        `generation ${next.generation} is in force${suffix}`,
      );
    } catch (error) {
      problems = [kernelRefused(next.generation, error)];
      parts.onChange(`could not put generation ${next.generation} in force`);
      return fail(problems);
    }
    return ok(undefined);
  }

  /** What stood on disk is not what the controller gave out under this number: its word counts. */
  async function compare(incoming: PolicyOffer, current: StoredPolicy): Promise<Result<void>> {
    const { workload, capabilities } = parts;
    const asBefore = { workload, capabilities, generation: current.generation - 1n, revertedGeneration: 0n };
    const accepted = acceptUpdate(incoming, asBefore);
    if (!accepted.ok) return accepted;
    if (!isDeepStrictEqual(accepted.value, current.policy)) {
      const next: StoredPolicy = { generation: incoming.generation, policy: accepted.value };
      const what = `the policy on disk was not generation ${next.generation} as the controller gave it out`;
      edited = [editedProblem(what, clocks.wallMs())];
      await change({ ...state, current: next }, what);
    }
    isFromDisk = false;
    return ok(undefined);
  }

  return {
    start: () =>
      inTurn(async () => {
        if (state.current === null && parts.inKernel() > 0n) {
          const what = `the policy on disk is gone or can't be read, generation ${parts.inKernel()} stays in the kernel`;
          edited = [editedProblem(what, clocks.wallMs())];
          parts.onChange(what);
        }
        if (state.waiting !== null && millisecondsLeft(state.waiting.deadline, clocks) <= 0) {
          await revertIfDue();
          return;
        }
        if (state.current !== null) await parts.enforce(state.current.generation, state.current.policy);
        watchDeadline();
      }),
    offer: (incoming) => inTurn(() => offer(incoming)),
    confirm: (generation) =>
      inTurn(async () => {
        if (state.waiting === null || state.current?.generation !== generation) return;
        await change({ ...state, waiting: null }, `generation ${generation} is confirmed`);
      }),
    state: () => state,
    problems: () => [...edited, ...problems],
    save: () => inTurn(() => savePolicyState(stateDir, state)),
    settled: () => inTurn(async () => {}),
    stop: () => clearTimeout(timer),
  };
}

function kernelRefused(generation: bigint, error: unknown): Problem {
  const why = error instanceof Error ? error.message : String(error);
  return {
    code: "kernel-refused",
    severity: "error",
    message: `generation ${generation} could not be written to the kernel: ${why}`,
    fix: "see `ringwall agent status` and the kernel's log; the former generation is still in force",
  };
}
