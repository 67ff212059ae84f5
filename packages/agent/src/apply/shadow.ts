import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessIdentity } from "@ringwall/model";
import {
  type LoweredHost,
  lowerHost,
  type NamedAddress,
  namePatterns,
  withNames,
} from "@ringwall/policy/lower";
import type { ShadowReport } from "@ringwall/protocol/agent";
import { type Kernel, SHADOW_SLOT } from "../kernel/contract.ts";
import {
  firstRows,
  mergeRows,
  nameDifferences,
  type ShadowRow,
  toShadowReport,
} from "../observe/shadow-rows.ts";
import { acceptShadow, type ShadowOffer } from "../plan/accept-shadow.ts";
import { toPolicyEntry } from "../plan/kernel-plan.ts";
import { planShadow } from "../plan/shadow-plan.ts";
import { type Clocks, deadlineIn, millisecondsLeft } from "./deadline.ts";
import { loadShadow, type StoredShadow, saveShadow } from "./shadow-store.ts";

/** Programs that looked at the draft before it was taken away have ended by then. */
const SETTLE_MS = 10;

export type ShadowParts = {
  readonly stateDir: string;
  readonly workload: string;
  readonly kernel: Kernel;
  readonly clocks: Clocks;
  readonly identities: () => Iterable<readonly [id: number, identity: ProcessIdentity]>;
  readonly processIdentity: (id: number) => ProcessIdentity | undefined;
  /** Names the rules of the policy in force. */
  readonly liveRule: (id: number) => string;
  readonly wallOffsetNs: () => bigint;
  readonly names: () => Iterable<NamedAddress>;
  /** Software of the fleet by number, as peers prove it. */
  readonly directory: () => Iterable<readonly [number: number, identity: ProcessIdentity]>;
  readonly onChange: (what: string) => void;
};

/** A draft beside the live policy on this host. Whatever goes wrong here ends it, and leaves what is enforced alone. */
export type Shadow = {
  /** Takes up the run that an agent before this one was in. */
  readonly start: () => Promise<void>;
  readonly offer: (offer: ShadowOffer) => Promise<void>;
  readonly end: (run: bigint) => Promise<void>;
  /** Makes the draft know an identity; before the kernel does. */
  readonly admit: (id: number, identity: ProcessIdentity) => void;
  /** The draft knows identities no more that were given back. */
  readonly dismiss: (ids: ReadonlySet<number>) => void;
  /** Identities that the report has still to name. */
  readonly awaited: () => readonly number[];
  /** Makes the draft know a number of the fleet's directory. */
  readonly admitRemote: (number: number, identity: ProcessIdentity) => void;
  /** Names have other addresses now. */
  readonly namesChanged: () => Promise<void>;
  /** The live policy was switched: what was counted until now carries the former policy's rules, which `liveRule` names. */
  readonly carry: (liveRule: (id: number) => string) => Promise<void>;
  /** What there is to tell; null where no run was ever offered. */
  readonly report: () => Promise<ShadowReport | null>;
};

const NOTHING_YET = { carried: [], metBefore: 0n, uncountedBefore: 0n };

type Running = {
  readonly stored: StoredShadow;
  readonly lowered: LoweredHost;
  readonly admitted: Set<number>;
};

export function createShadow(parts: ShadowParts): Shadow {
  const { stateDir, workload, kernel, clocks } = parts;
  let running: Running | null = null;
  /** Told once more after the end: the last counts, or why there was no beginning. */
  let last: ShadowReport | null = null;
  let tail: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = tail.then(work, work);
    tail = done.catch(() => undefined);
    return done;
  }

  async function judgeBy(stored: StoredShadow, kernelRun: bigint): Promise<void> {
    const lowered = lowerHost(withNames(stored.policy, parts.names()));
    const nowNs = kernel.bootNs();
    const untilNs = nowNs + BigInt(Math.max(0, millisecondsLeft(stored.deadline, clocks))) * 1_000_000n;
    const actual = { untilNs: kernel.readShadow().untilNs, run: kernelRun };
    const [identities, directory] = [parts.identities(), parts.directory()];
    const desired = { generation: stored.run, lowered, identities, directory, untilNs };
    const plan = planShadow(desired, actual, nowNs);
    if (plan.kind !== "judge") return finish("its time was over");
    kernel.stopShadow();
    await kernel.writeSlot(SHADOW_SLOT, plan.contents);
    const admitted = new Set(plan.contents.subjects.map((entry) => entry.identity));
    const remotes = new Set(plan.contents.remotes?.map((entry) => entry.number));
    running = { stored, lowered, admitted };
    // Met while the slot was being filled.
    for (const [id, identity] of parts.identities()) admit(id, identity);
    for (const [number, identity] of parts.directory())
      if (!remotes.has(number)) admitRemote(number, identity);
    kernel.startShadow(plan.untilNs, plan.goesOn);
  }

  function admit(id: number, identity: ProcessIdentity): void {
    if (running === null || running.admitted.has(id)) return;
    try {
      const { subject, entries } = running.lowered.subjectOf(identity);
      if (entries.length > 0) kernel.addPolicies(SHADOW_SLOT, entries.map(toPolicyEntry));
      kernel.addSubjects(SHADOW_SLOT, [{ identity: id, subject }]);
      running.admitted.add(id);
    } catch (error) {
      // Its class stays unknown to the draft, which can only make it seem stricter.
      parts.onChange(`the draft could not take in a process: ${String(error)}`);
      running.admitted.add(id);
    }
  }

  function admitRemote(number: number, identity: ProcessIdentity): void {
    if (running === null) return;
    try {
      const { remote, entries } = running.lowered.remoteOf(identity);
      if (entries.length > 0) kernel.addPolicies(SHADOW_SLOT, entries.map(toPolicyEntry));
      kernel.addRemotes(SHADOW_SLOT, [{ number, remote }]);
    } catch (error) {
      parts.onChange(`the draft could not take in a peer's program: ${String(error)}`);
    }
  }

  function rowsNow({ lowered, stored }: Running, liveRule: (id: number) => string): readonly ShadowRow[] {
    const names = {
      processIdentity: parts.processIdentity,
      liveRule,
      draftRule: lowered.ruleName,
      wallOffsetNs: parts.wallOffsetNs(),
    };
    return mergeRows(stored.carried, nameDifferences(kernel.readDifferences(), names));
  }

  function reportOf(now: Running, isRunning: boolean): ShadowReport {
    const { met, uncounted } = kernel.readShadow();
    const { run, metBefore, uncountedBefore } = now.stored;
    const totals = {
      workload,
      run,
      running: isRunning,
      problem: "",
      met: metBefore + met,
      uncounted: uncountedBefore + uncounted,
    };
    return toShadowReport(totals, rowsNow(now, parts.liveRule));
  }

  async function finish(why: string): Promise<void> {
    kernel.stopShadow();
    if (running !== null) last = reportOf(running, false);
    running = null;
    await saveShadow(stateDir, null);
    parts.onChange(`the shadow of a draft has ended: ${why}`);
  }

  async function begin(offer: ShadowOffer): Promise<void> {
    if (running !== null && running.stored.run >= offer.run) return;
    const accepted = acceptShadow(offer, workload);
    if (!accepted.ok) return refuse(offer.run, accepted.error.map(({ message }) => message).join("; "));
    const deadline = deadlineIn(offer.secondsLeft, clocks);
    const stored = { run: offer.run, policy: accepted.value, deadline, ...NOTHING_YET };
    await saveShadow(stateDir, stored);
    try {
      await judgeBy(stored, 0n);
      parts.onChange(`a draft is judged by beside the policy in force, for ${offer.secondsLeft} s at most`);
    } catch (error) {
      await finish("the kernel did not take it");
      refuse(offer.run, `the kernel did not take the draft: ${String(error)}`);
    }
  }

  function refuse(run: bigint, problem: string): void {
    last = toShadowReport({ workload, run, running: false, problem, met: 0n, uncounted: 0n }, []);
    parts.onChange(`no shadow of a draft here: ${problem}`);
  }

  async function carry(liveRule: (id: number) => string): Promise<void> {
    if (running === null) return;
    const { untilNs } = kernel.readShadow();
    kernel.stopShadow();
    await sleep(SETTLE_MS);
    const { met, uncounted } = kernel.readShadow();
    const { kept, restCount } = firstRows(rowsNow(running, liveRule));
    const stored = {
      ...running.stored,
      carried: kept,
      metBefore: running.stored.metBefore + met,
      uncountedBefore: running.stored.uncountedBefore + uncounted + restCount,
    };
    running = { ...running, stored };
    kernel.startShadow(untilNs);
    await saveShadow(stateDir, stored);
  }

  async function report(): Promise<ShadowReport | null> {
    if (running === null) return last;
    if (millisecondsLeft(running.stored.deadline, clocks) > 0) return reportOf(running, true);
    await finish("its time was over");
    return last;
  }

  return {
    start: () =>
      inTurn(async () => {
        const stored = await loadShadow(stateDir);
        if (stored === null) return kernel.stopShadow();
        await judgeBy(stored, kernel.readSlot(SHADOW_SLOT).generation);
      }),
    offer: (offer) => inTurn(() => begin(offer)),
    end: (run) => inTurn(async () => (running?.stored.run === run ? finish("it was stopped") : undefined)),
    admit,
    dismiss: (ids) => {
      const known = [...ids].filter((id) => running?.admitted.delete(id));
      if (known.length > 0) kernel.removeSubjects(SHADOW_SLOT, new Set(known));
    },
    awaited: () => (running === null ? [] : kernel.readDifferences().map(({ identity }) => identity)),
    admitRemote,
    namesChanged: () =>
      inTurn(async () => {
        if (running === null || namePatterns(running.stored.policy).length === 0) return;
        await judgeBy(running.stored, running.stored.run);
      }),
    carry: (liveRule) => inTurn(() => carry(liveRule)),
    report: () => inTurn(report),
  };
}
