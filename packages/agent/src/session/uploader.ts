import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ExecBatchSchema, FlowBatchSchema } from "@ringwall/protocol/agent";
import { CALL_TIMEOUT_MS, type ControllerClient } from "./client.ts";
import { explainFailure } from "./failure.ts";
import type { Report, Spool, UploadLosses } from "./spool.ts";

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
 * Uploads reports in order, one at a time. Each is on disk first, so that a kill at any moment loses none. A report that
 * the controller refuses for good is dropped and counted: it would be refused for ever and hold up all behind it. Sending
 * twice is harmless, each batch has its id.
 */
export function createUploader(
  spool: Spool,
  client: () => ControllerClient | null,
  onProblem: (message: string) => void,
): Uploader {
  const losses: UploadLosses = { ...spool.losses() };
  let flushing: Promise<void> | null = null;
  let waiting = false;
  const adding = new Set<Promise<void>>();

  async function lose(cause: keyof UploadLosses, rows: number): Promise<void> {
    if (rows === 0) return;
    losses[cause] += rows;
    await spool.saveLosses(losses);
  }

  async function send(report: Report): Promise<"sent" | "kept"> {
    const current = client();
    if (current === null) return "kept";
    try {
      await call(current, report);
    } catch (error) {
      const failure = explainFailure(error, "controller");
      if (!isForGood(error)) return "kept";
      await lose("refused", report.rows);
      onProblem(`a report of ${report.rows} rows is dropped: ${failure.message}`);
    }
    return "sent";
  }

  async function sendAll(): Promise<void> {
    do {
      waiting = false;
      for (let next = await spool.oldest(); next !== null; next = await spool.oldest()) {
        if ((await send(next.report)) === "kept") return;
        await next.drop();
      }
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

/** Cut off by a power failure, or changed by another hand. */
class DamagedReport extends Error {}

/** What else a controller says, while it starts or ends for example, may be otherwise a moment later. */
function isForGood(error: unknown): boolean {
  if (error instanceof DamagedReport) return true;
  return error instanceof ConnectError && [Code.InvalidArgument, Code.PermissionDenied].includes(error.code);
}

async function call({ service }: ControllerClient, { kind, bytes }: Report): Promise<void> {
  const options = { timeoutMs: CALL_TIMEOUT_MS };
  if (kind === "flows") await service.reportFlows(decode(FlowBatchSchema, bytes), options);
  else await service.reportExecs(decode(ExecBatchSchema, bytes), options);
}

function decode<T extends DescMessage>(schema: T, bytes: Uint8Array): MessageShape<T> {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw new DamagedReport("the report on disk is damaged", { cause: error });
  }
}
