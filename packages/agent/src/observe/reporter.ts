import { randomUUID } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import type { ProcessIdentity } from "@ringwall/model";
import { EXEC_BATCH_MAX, ExecBatchSchema, FlowBatchSchema } from "@ringwall/protocol/agent";
import type { DeniedExec } from "../exec/denied-execs.ts";
import type { TamperWatch } from "../exec/tampering.ts";
import type { ExecSighting } from "../identify/identifier.ts";
import type { FlowRecord, Kernel } from "../kernel/contract.ts";
import type { WhichFlows } from "../kernel/flows.ts";
import { Sooner } from "../periodic.ts";
import type { Report } from "../session/spool.ts";
import type { LocalAddress } from "./addresses.ts";
import { deniedExecOf, execOf, tamperingOf } from "./exec-message.ts";
import { createFlowBatches } from "./flow-batch.ts";
import type { LateNames } from "./late-names.ts";

/** Sightings that wait for the next report; past it they are counted as lost. */
export const SIGHTINGS_MAX = 4 * EXEC_BATCH_MAX;

export type ReporterParts = {
  readonly kernel: Kernel;
  readonly workload: string;
  readonly processIdentity: (id: number) => ProcessIdentity | undefined;
  readonly wallOffsetNs: () => bigint;
  /** The name that this host's resolvers gave for an address lately. */
  readonly nameOf: (address: Uint8Array) => string | undefined;
  readonly addresses: () => readonly LocalAddress[];
  /** Whether a container reports for itself. */
  readonly isElsewhere: (container: string) => boolean;
  /** Executions that no `run` rule allows, since the last call. */
  readonly deniedExecs: () => readonly DeniedExec[];
  readonly deniedExecsLost: () => bigint;
  readonly tamperings: Pick<TamperWatch, "take" | "lost">;
  /** Lost on the way to the controller, by cause. */
  readonly uploadLosses: () => Readonly<Record<string, number>>;
  /** Resolves when the report is safe; what it rejects is kept here and in the kernel, and comes again. */
  readonly keep: (report: Report) => Promise<void>;
  /** Whether reports pile up: then they are made less often, so that they last longer. */
  readonly isCrowded: () => boolean;
  /** Names what was refused before anybody knew whose it was. */
  readonly lateNames?: LateNames;
  /** Gives workloads that the host carries what is theirs; called at every drain. */
  readonly handOver?: (records: readonly FlowRecord[], policy: PolicyInForce) => Promise<void>;
};

/** What names the rules of the flows that are drained. */
export type PolicyInForce = { readonly generation: bigint; readonly ruleName: (id: number) => string };

export type Reporter = {
  /** Takes what the kernel counted and passes it on; rules are named by the given policy. */
  readonly drain: (policy: PolicyInForce) => Promise<void>;
  /**
   * The same for what the kernel has counted by now, where it is time: every second, and seldom while reports pile up.
   * Resolves with when it is time again, where that is before the next second: very many flows come, or took long.
   */
  readonly drainIfDue: (policy: () => PolicyInForce) => Promise<Sooner | undefined>;
  /** For what should be told at once: once a second at most, and not while reports pile up. The kernel sums up meanwhile. */
  readonly drainSoon: (policy: PolicyInForce) => Promise<void>;
  /** Keeps what somebody else drained: a carried workload's flows, `host` names the rules of its host's policy. */
  readonly pass: (
    records: readonly FlowRecord[],
    policy: PolicyInForce,
    host: PolicyInForce,
  ) => Promise<void>;
  /**
   * A host's processes are looked at for the first time. Until FIRST_LOOK_MS after the last call, what was let through
   * without its program being known is left out: it says nothing about software, and happens again.
   */
  readonly firstLook: () => void;
  /** When the last hand-over began after which nothing of before was left, by performance.now(). */
  readonly toldMs: () => number;
  /** Flows left out during the first look. */
  readonly leftOut: () => bigint;
  readonly sight: (sighting: ExecSighting) => void;
  /** Lost since the agent started, by cause. */
  readonly lost: () => Record<string, bigint>;
};

/** Milliseconds between two drains. */
export const DRAIN_MS = 1000;
/** More flows than this in a second, half of what the kernel has room for, and drains follow each other faster. */
export const BUSY_FLOWS_A_SECOND = 32_000;
export const BUSY_DRAIN_MS = 250;
/** Milliseconds between two drains while reports pile up: a day makes fewer than SPOOL_REPORTS_MAX. */
export const CROWDED_DRAIN_MS = 60_000;

/** Connections that were made during the first look end within this, or become known. */
const FIRST_LOOK_MS = 5000;

function isTelling({ identity, verdict }: FlowRecord): boolean {
  return identity !== 0 || verdict === "blocked";
}

export function createReporter(parts: ReporterParts): Reporter {
  const { kernel, workload } = parts;
  let sightings: ExecSighting[] = [];
  let sightingsLost = 0n;
  let execReports: Report[] = [];
  let drainedMs = Number.NEGATIVE_INFINITY;
  let toldMs = Number.NEGATIVE_INFINITY;
  let toldSoonMs = Number.NEGATIVE_INFINITY;
  let isBusy = false;
  let leftOut = 0n;
  let firstLookUntilMs = 0;
  let tail: Promise<void> = Promise.resolve();

  function lost(): Record<string, bigint> {
    const { flowsFull, ringFull } = kernel.counters();
    const losses: Record<string, bigint> = { flowMapFull: flowsFull, ringFull, sightingsFull: sightingsLost };
    losses["deniedExecsFull"] = parts.deniedExecsLost();
    losses["tamperingsFull"] = parts.tamperings.lost();
    for (const [cause, count] of Object.entries(parts.uploadLosses())) losses[cause] = BigInt(count);
    return losses;
  }

  async function drain(policy: PolicyInForce, which: WhichFlows): Promise<void> {
    const seconds = (performance.now() - drainedMs) / 1000;
    const beganMs = performance.now();
    drainedMs = beganMs;
    let handedOver = false;
    let flows = 0;
    await kernel.handOverFlows(async (counted) => {
      handedOver = true;
      flows += counted.length;
      const drained = (await parts.lateNames?.name(counted)) ?? counted;
      await parts.handOver?.(
        drained.filter((record) => record.workload !== 0),
        policy,
      );
      const ours = drained.filter((record) => record.workload === 0);
      const records = performance.now() < firstLookUntilMs ? ours.filter(isTelling) : ours;
      await keepFlows(records, policy, policy);
      leftOut += BigInt(ours.length - records.length);
    }, which);
    toldMs = beganMs;
    isBusy = flows / seconds >= BUSY_FLOWS_A_SECOND;
    // Those that it carries may have executions to tell all the same.
    if (!handedOver) await parts.handOver?.([], policy);
    await keepExecs(policy.generation);
  }

  function pauseMs(): number {
    if (parts.isCrowded()) return CROWDED_DRAIN_MS;
    return isBusy ? BUSY_DRAIN_MS : DRAIN_MS;
  }

  async function pass(
    records: readonly FlowRecord[],
    policy: PolicyInForce,
    host: PolicyInForce,
  ): Promise<void> {
    await keepFlows(records, policy, host);
    await keepExecs(policy.generation);
  }

  async function keepFlows(
    records: readonly FlowRecord[],
    policy: PolicyInForce,
    host: PolicyInForce,
  ): Promise<void> {
    const batches = createFlowBatches(records, {
      workload,
      generation: policy.generation,
      processIdentity: parts.processIdentity,
      ruleName: policy.ruleName,
      hostRuleName: host.ruleName,
      nameOf: parts.nameOf,
      addresses: records.length === 0 ? [] : parts.addresses(),
      wallOffsetNs: parts.wallOffsetNs(),
      lost: records.length === 0 ? {} : lost(),
    });
    for (const batch of batches) {
      const connections = batch.count.reduce((sum, count) => sum + Number(count), 0);
      await parts.keep({ kind: "flows", bytes: toBinary(FlowBatchSchema, batch), rows: connections });
    }
  }

  /** Those that nobody takes now stay, and new ones wait where they are counted. */
  async function keepExecs(generation: bigint): Promise<void> {
    if (execReports.length === 0) execReports = encodeExecs(generation);
    for (let next = execReports[0]; next !== undefined; next = execReports[0]) {
      await parts.keep(next);
      execReports.shift();
    }
  }

  function encodeExecs(generation: bigint): Report[] {
    const sighted = sightings.map((sighting) => execOf(sighting, parts.wallOffsetNs()));
    sightings = [];
    const denied = parts.deniedExecs().map((one) => deniedExecOf(one, parts.wallOffsetNs()));
    const taken = [...sighted, ...denied];
    const tamperings = parts.tamperings.take().map((one) => tamperingOf(one, parts.wallOffsetNs()));
    const batches =
      tamperings.length === 0 ? [] : [create(ExecBatchSchema, { ...about(generation), tamperings })];
    for (let start = 0; start < taken.length; start += EXEC_BATCH_MAX) {
      const execs = taken.slice(start, start + EXEC_BATCH_MAX);
      batches.push(create(ExecBatchSchema, { ...about(generation), execs }));
    }
    return batches.map((batch) => ({
      kind: "execs",
      bytes: toBinary(ExecBatchSchema, batch),
      rows: batch.execs.length + batch.tamperings.length,
    }));
  }

  function about(generation: bigint) {
    return { workload, batchId: randomUUID(), generation };
  }

  /** The kernel allows one drain at a time. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = tail.then(work);
    tail = done.catch(() => undefined);
    return done;
  }

  return {
    lost,
    drain: (policy) => inTurn(() => drain(policy, "all")),
    drainIfDue: async (policyNow) => {
      // The clock that asks is not exact: a look that comes a little early counts.
      if (performance.now() - drainedMs >= pauseMs() - BUSY_DRAIN_MS / 2) {
        const policy = policyNow();
        await inTurn(() => drain(policy, "counted"));
      }
      const leftMs = pauseMs() - (performance.now() - drainedMs);
      return leftMs < DRAIN_MS - BUSY_DRAIN_MS / 2 ? new Sooner(Math.max(0, leftMs)) : undefined;
    },
    drainSoon: async (policy) => {
      if (parts.isCrowded() || performance.now() - toldSoonMs < DRAIN_MS) return;
      toldSoonMs = performance.now();
      await inTurn(() => drain(policy, "all"));
    },
    pass,
    firstLook: () => {
      firstLookUntilMs = performance.now() + FIRST_LOOK_MS;
    },
    toldMs: () => toldMs,
    leftOut: () => leftOut,
    sight: (sighting) => {
      const { container } = sighting.identity;
      if (container !== null && parts.isElsewhere(container)) return;
      if (sightings.length >= SIGHTINGS_MAX) sightingsLost++;
      else sightings.push(sighting);
    },
  };
}
