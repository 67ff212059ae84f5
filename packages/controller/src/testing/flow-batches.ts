import { create } from "@bufbuild/protobuf";
import { encodeAddress, parseAddress } from "@ringwall/model";
import { Direction, type FlowBatch, FlowBatchSchema, Level, State, Verdict } from "@ringwall/protocol/agent";

/** One row as a test writes it. */
export type TestFlow = {
  readonly direction: "outbound" | "inbound";
  readonly local: string;
  readonly peer: string;
  readonly port: number;
  readonly proto?: number;
  readonly exe?: string;
  /** The peer's name by the reporting host's resolver. */
  readonly fqdn?: string;
  readonly state?: State;
  readonly verdict?: Verdict;
  readonly alert?: boolean;
  /** Absent in all flows of a batch: an agent that does not say. */
  readonly level?: Level;
  readonly rule?: string;
  readonly count?: number;
  readonly lastMs?: number;
};

/** A batch as an agent would send it. */
export function flowBatch(workload: string, batchId: string, flows: readonly TestFlow[]): FlowBatch {
  const exes = [...new Set(flows.flatMap((flow) => (flow.exe === undefined ? [] : [flow.exe])))];
  const rules = [...new Set(flows.flatMap((flow) => (flow.rule === undefined ? [] : [flow.rule])))];
  const lastMs = (flow: TestFlow) => BigInt(flow.lastMs ?? Date.now());
  return create(FlowBatchSchema, {
    workload,
    batchId,
    processes: exes.map((exe) => ({ exe, exeSha256: digestOf(exe), user: "root" })),
    rules,
    process: flows.map((flow) => (flow.exe === undefined ? 0 : exes.indexOf(flow.exe) + 1)),
    localAddress: bytesOf(flows.map((flow) => flow.local)),
    peerAddress: bytesOf(flows.map((flow) => flow.peer)),
    port: flows.map((flow) => flow.port),
    proto: flows.map((flow) => flow.proto ?? 6),
    direction: flows.map((flow) => (flow.direction === "outbound" ? Direction.OUTBOUND : Direction.INBOUND)),
    state: flows.map((flow) => flow.state ?? State.ESTABLISHED),
    verdict: flows.map((flow) => flow.verdict ?? Verdict.ALLOWED),
    level: flows.every((flow) => flow.level === undefined)
      ? []
      : flows.map((flow) => flow.level ?? Level.UNSPECIFIED),
    names: flows.flatMap((flow) => flow.fqdn ?? []),
    peerName: flows.map((flow) =>
      flow.fqdn === undefined ? 0 : flows.flatMap((one) => one.fqdn ?? []).indexOf(flow.fqdn) + 1,
    ),
    alert: flows.map((flow) => flow.alert ?? false),
    rule: flows.map((flow) => (flow.rule === undefined ? 0 : rules.indexOf(flow.rule) + 1)),
    count: flows.map((flow) => BigInt(flow.count ?? 1)),
    bytesOut: flows.map(() => 100n),
    bytesIn: flows.map(() => 1000n),
    firstMs: flows.map((flow) => lastMs(flow) - 10n),
    lastMs: flows.map(lastMs),
  });
}

/** A digest-shaped text that differs with the path. */
export function digestOf(text: string): string {
  return Buffer.from(text).toString("hex").padEnd(64, "0").slice(0, 64);
}

function bytesOf(addresses: readonly string[]): Uint8Array {
  return Buffer.concat(
    addresses.map((text) => {
      const address = parseAddress(text);
      if (address === null) throw new Error(`bug: ${text} is no address`);
      return encodeAddress(address);
    }),
  );
}
