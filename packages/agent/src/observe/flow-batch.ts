import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import type { ProcessIdentity } from "@ringwall/model";
import {
  Direction,
  FLOW_BATCH_ROWS_MAX,
  type FlowBatch,
  FlowBatchSchema,
  Level,
  ProcessSchema,
  State,
  Verdict,
} from "@ringwall/protocol/agent";
import type { FlowRecord } from "../kernel/contract.ts";
import { type FlowState, type Verdict as KernelVerdict, proto } from "../kernel/generated/layout.ts";
import { type LocalAddress, localAddressFor } from "./addresses.ts";
import { toProcess } from "./process-message.ts";

/** What turns kernel rows into a report. */
export type FlowContext = {
  readonly workload: string;
  readonly generation: bigint;
  readonly processIdentity: (id: number) => ProcessIdentity | undefined;
  readonly ruleName: (id: number) => string;
  /** Names the rules of the host's policy, where that judged what it carries; default: as `ruleName`. */
  readonly hostRuleName?: (id: number) => string;
  /** The name that this host's resolvers gave for a peer lately. */
  readonly nameOf: (address: Uint8Array) => string | undefined;
  readonly addresses: readonly LocalAddress[];
  /** Wall clock minus boot clock, nanoseconds. */
  readonly wallOffsetNs: bigint;
  /** Lost since the agent started, by cause. */
  readonly lost: Readonly<Record<string, bigint>>;
};

/** Kernel rows as batches of at most FLOW_BATCH_ROWS_MAX, in the order of the rows; none for no rows. */
export function createFlowBatches(all: readonly FlowRecord[], context: FlowContext): FlowBatch[] {
  const batches: FlowBatch[] = [];
  // What raw sockets were let send is no news: rules name no such protocol.
  const records = all.filter((record) => record.proto !== proto.other || record.verdict !== "allowed");
  for (let start = 0; start < records.length; start += FLOW_BATCH_ROWS_MAX) {
    batches.push(createFlowBatch(records.slice(start, start + FLOW_BATCH_ROWS_MAX), context));
  }
  return batches;
}

function createFlowBatch(records: readonly FlowRecord[], context: FlowContext): FlowBatch {
  const batch = create(FlowBatchSchema, {
    workload: context.workload,
    batchId: batchIdOf(records),
    localAddress: new Uint8Array(records.length * 16),
    peerAddress: new Uint8Array(records.length * 16),
    lost: { ...context.lost },
    generation: context.generation,
  });
  const processes = new Map<number, number>();
  const rules = new Map<string, number>();
  const names = new Map<string, number>();
  records.forEach((record, row) => {
    batch.localAddress.set(localAddressFor(record.address, context.addresses), row * 16);
    batch.peerAddress.set(record.address, row * 16);
    batch.process.push(processIndex(record.identity, processes, batch, context));
    batch.rule.push(ruleIndex(record, rules, batch, context));
    batch.port.push(record.port);
    batch.proto.push(record.proto);
    batch.direction.push(record.direction === "out" ? Direction.OUTBOUND : Direction.INBOUND);
    batch.state.push(STATES[record.state]);
    batch.verdict.push(VERDICTS[record.verdict]);
    const name = record.direction === "out" ? context.nameOf(record.address) : undefined;
    batch.peerName.push(name === undefined ? 0 : nameIndex(name, names, batch));
    batch.level.push(record.level === "inBand" ? Level.IN_BAND : Level.ADDRESS);
    batch.alert.push(record.verdict === "wouldBlockAlert" || record.verdict === "blocked");
    batch.count.push(record.count);
    batch.bytesOut.push(record.bytesOut);
    batch.bytesIn.push(record.bytesIn);
    // The kernel reads its clock once a tick on each processor: a later packet may have the earlier time.
    const lastNs = record.lastNs > record.firstNs ? record.lastNs : record.firstNs;
    batch.firstMs.push(milliseconds(record.firstNs + context.wallOffsetNs));
    batch.lastMs.push(milliseconds(lastNs + context.wallOffsetNs));
  });
  return batch;
}

/**
 * The same records have the same id: after a kill they may come again, and the controller stores a batch once. Times in
 * nanoseconds and the workload, which the controller adds, keep different ones apart.
 */
function batchIdOf(records: readonly FlowRecord[]): string {
  const hash = createHash("sha256");
  for (const { identity, rule, address, port, proto: protocol, direction, ...value } of records) {
    hash.update(address);
    const { verdict, state, reason, level, count, bytesOut, bytesIn, firstNs, lastNs } = value;
    hash.update(
      `${identity} ${rule} ${port} ${protocol} ${direction} ${verdict} ${state} ${reason} ${level} ${count} ${bytesOut} ${bytesIn} ${firstNs} ${lastNs};`,
    );
  }
  return hash.digest("hex");
}

const STATES: Readonly<Record<FlowState, State>> = {
  // Given up by the caller before an answer came: the protocol knows no finer word than that none came.
  attempted: State.TIMEOUT,
  established: State.ESTABLISHED,
  refused: State.REFUSED,
  timeout: State.TIMEOUT,
  denied: State.DENIED,
};

const VERDICTS: Readonly<Record<KernelVerdict, Verdict>> = {
  allowed: Verdict.ALLOWED,
  wouldBlock: Verdict.WOULD_BLOCK,
  wouldBlockAlert: Verdict.WOULD_BLOCK,
  blocked: Verdict.BLOCKED,
};

function processIndex(id: number, seen: Map<number, number>, batch: FlowBatch, context: FlowContext): number {
  if (id === 0) return 0;
  const known = seen.get(id);
  if (known !== undefined) return known;
  const identity = context.processIdentity(id);
  const index = identity === undefined ? 0 : batch.processes.push(create(ProcessSchema, toProcess(identity)));
  seen.set(id, index);
  return index;
}

function nameIndex(name: string, seen: Map<string, number>, batch: FlowBatch): number {
  const index = seen.get(name) ?? batch.names.push(name);
  seen.set(name, index);
  return index;
}

function ruleIndex(
  record: FlowRecord,
  seen: Map<string, number>,
  batch: FlowBatch,
  context: FlowContext,
): number {
  const name = ruleNameOf(record, context);
  if (name === "") return 0;
  const known = seen.get(name);
  if (known !== undefined) return known;
  const index = batch.rules.push(name);
  seen.set(name, index);
  return index;
}

/** What decided, in words: the rule, or what a revision did to a connection that was open before it. */
function ruleNameOf({ rule, reason, byHost }: FlowRecord, context: FlowContext): string {
  if (reason === "kept") return "established/keep";
  const { ruleName, hostRuleName = ruleName } = context;
  const name = rule === 0 ? "" : (byHost ? hostRuleName : ruleName)(rule);
  if (reason === "listen") return `listen/denied by ${name || "default"}`;
  return reason === "cut" ? `established/cut by ${name || "default"}` : name;
}

function milliseconds(ns: bigint): bigint {
  return ns < 0n ? 0n : ns / 1_000_000n;
}
