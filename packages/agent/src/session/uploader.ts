import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ExecBatchSchema, FlowBatchSchema } from "@ringwall/protocol/agent";
import { CALL_TIMEOUT_MS, type ControllerClient } from "./client.ts";
import { explainFailure } from "./failure.ts";
import type { Report, Spool, UploadLosses, Waiting } from "./spool.ts";

/**
 * Calls under way at once, and their bytes: the controller's time goes into one insert after the other, and what comes
 * meanwhile goes into the next together.
 */
export const REPORTS_AT_ONCE = 8;
const BYTES_AT_ONCE_MAX = 64 * 1024;

export type Uploader = {
  /**
   * Takes a report over: resolves when it is on disk, or where the disk is full when the controller has it. Rejects where
   * neither takes it; then it is still the caller's.
   */
  readonly add: (report: Report) => Promise<void>;
  /** Sends what waits, until nothing does or a call fails. */
  readonly flush: () => Promise<void>;
  /** Resolves when what was taken over is safe, and what is being sent has arrived or failed. */
  readonly settled: () => Promise<void>;
  readonly losses: () => Readonly<UploadLosses>;
};

/**
 * Uploads reports, the oldest first and several at once. Each is on disk first, so that a kill at any moment loses none. A
 * report that the controller refuses for good is dropped and counted: it would be refused for ever and hold up all behind
 * it. Sending twice is harmless, each batch has its id.
 */
export function createUploader(
  spool: Spool,
  client: () => ControllerClient | null,
  onProblem: (message: string) => void,
): Uploader {
  const losses: UploadLosses = { ...spool.losses() };
  let flushing: Promise<void> | null = null;
  let waiting = false;
  let saved = Promise.resolve();
  const adding = new Set<Promise<void>>();

  async function lose(cause: keyof UploadLosses, rows: number): Promise<void> {
    if (rows === 0) return;
    losses[cause] += rows;
    // One after the other: of two at once the older count could stay.
    saved = saved.then(() => spool.saveLosses(losses));
    await saved;
  }

  async function send(report: Report, call = callOf(report)): Promise<"sent" | "kept"> {
    const current = client();
    if (current === null) return "kept";
    try {
      await call.make(current);
    } catch (error) {
      const failure = explainFailure(error, "controller");
      if (!isForGood(error)) return "kept";
      await lose("refused", report.rows);
      onProblem(`a report of ${report.rows} rows is dropped: ${failure.message}`);
    }
    return "sent";
  }

  async function sendAndDrop({ report, call, drop }: Prepared): Promise<"sent" | "kept"> {
    const outcome = await send(report, call);
    if (outcome === "sent") await drop();
    return outcome;
  }

  async function next(): Promise<readonly Prepared[]> {
    return beforeOtherLosses(await spool.oldest(REPORTS_AT_ONCE, BYTES_AT_ONCE_MAX));
  }

  async function sendAll(): Promise<void> {
    do {
      waiting = false;
      for (let group = await next(); group.length > 0; group = await next())
        if ((await Promise.all(group.map(sendAndDrop))).includes("kept")) return;
    } while (waiting);
  }

  /** What comes while others are being sent goes with them. */
  function flush(): Promise<void> {
    waiting = true;
    flushing ??= sendAll().finally(() => {
      flushing = null;
    });
    return flushing;
  }

  async function keep(report: Report): Promise<void> {
    try {
      await lose("spoolFull", await spool.add(report));
    } catch (error) {
      // What waits longer goes first, and what went has made room.
      await flush();
      if (spool.size().reports > 0 || (await send(report)) === "kept") throw error;
      return;
    }
    if (client() !== null) flush().catch((error: unknown) => onProblem(`waiting reports: ${String(error)}`));
  }

  return {
    losses: () => losses,
    settled: async () => {
      await Promise.allSettled(adding);
      await flushing?.catch(() => undefined);
    },
    flush,
    add: async (report) => {
      const done = keep(report);
      adding.add(done);
      await done.finally(() => adding.delete(done));
    },
  };
}

/** Cut off by a power failure, or changed or removed by another hand. */
class DamagedReport extends Error {}

/** What else a controller says, while it starts or ends for example, may be otherwise a moment later. */
function isForGood(error: unknown): boolean {
  if (error instanceof DamagedReport) return true;
  return error instanceof ConnectError && [Code.InvalidArgument, Code.PermissionDenied].includes(error.code);
}

type Call = {
  readonly make: (client: ControllerClient) => Promise<unknown>;
  /** The losses that it tells of, as text; null where it tells of none. */
  readonly losses: string | null;
};

type Prepared = Waiting & { readonly call: Call };

function callOf({ kind, bytes }: Report): Call {
  const options = { timeoutMs: CALL_TIMEOUT_MS };
  try {
    if (bytes.length === 0) throw new Error("nothing is left of it");
    if (kind === "flows") {
      const batch = fromBinary(FlowBatchSchema, bytes);
      const losses = Object.entries(batch.lost).sort().join();
      return { make: ({ service }) => service.reportFlows(batch, options), losses };
    }
    const batch = fromBinary(ExecBatchSchema, bytes);
    return { make: ({ service }) => service.reportExecs(batch, options), losses: null };
  } catch (error) {
    const cause = new DamagedReport("the report on disk is damaged", { cause: error });
    return { make: () => Promise.reject(cause), losses: null };
  }
}

/**
 * Those that may arrive in any order: the controller goes by the losses that it was told last, and takes fewer for a new
 * start.
 */
function beforeOtherLosses(waiting: readonly Waiting[]): readonly Prepared[] {
  const calls = waiting.map((one) => ({ ...one, call: callOf(one.report) }));
  const told = calls.find(({ call }) => call.losses !== null)?.call.losses;
  const other = calls.findIndex(({ call }) => call.losses !== null && call.losses !== told);
  return other < 0 ? calls : calls.slice(0, other);
}
