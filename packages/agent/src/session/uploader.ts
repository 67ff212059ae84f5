import { fromBinary } from "@bufbuild/protobuf";
import { ExecBatchSchema, FlowBatchSchema } from "@ringwall/protocol/agent";
import { CALL_TIMEOUT_MS, type ControllerClient } from "./client.ts";
import { explainFailure } from "./failure.ts";
import type { Report, Spool } from "./spool.ts";

/** Rows that were lost on the way to the controller, by cause; only ever grows. */
export type UploadLosses = { spoolFull: number; refused: number };

export type Uploader = {
  /** Takes a report over: sent at once, or kept on disk until the controller takes it. */
  readonly add: (report: Report) => Promise<void>;
  /** Sends what waits, until nothing does or a call fails. */
  readonly flush: () => Promise<void>;
  readonly losses: () => Readonly<UploadLosses>;
};

/**
 * Uploads reports in order, one at a time. A report that the controller refuses for good is dropped and counted: it
 * would be refused for ever and hold up all behind it. Sending twice is harmless, each batch has its id.
 */
export function createUploader(
  spool: Spool,
  client: () => ControllerClient | null,
  onProblem: (message: string) => void,
): Uploader {
  const losses: UploadLosses = { spoolFull: 0, refused: 0 };
  let tail: Promise<void> = Promise.resolve();

  async function send(report: Report): Promise<"sent" | "kept"> {
    const current = client();
    if (current === null) return "kept";
    try {
      if (report.kind === "flows") {
        await current.service.reportFlows(fromBinary(FlowBatchSchema, report.bytes), {
          timeoutMs: CALL_TIMEOUT_MS,
        });
      } else {
        await current.service.reportExecs(fromBinary(ExecBatchSchema, report.bytes), {
          timeoutMs: CALL_TIMEOUT_MS,
        });
      }
      return "sent";
    } catch (error) {
      const failure = explainFailure(error, "controller");
      if (failure.code !== "controller-refused") return "kept";
      losses.refused += report.rows;
      onProblem(`the controller refused a report of ${report.rows} rows: ${failure.message}`);
      return "sent";
    }
  }

  async function flush(): Promise<void> {
    for (;;) {
      const report = await spool.oldest();
      if (report === null || (await send(report)) === "kept") return;
      await spool.drop();
    }
  }

  /** One after the other: the spool and the order of reports have one owner. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = tail.then(work);
    tail = done.catch(() => undefined);
    return done;
  }

  return {
    losses: () => losses,
    flush: () => inTurn(flush),
    add: (report) =>
      inTurn(async () => {
        if (spool.size().reports === 0 && (await send(report)) === "sent") return;
        losses.spoolFull += await spool.add(report);
      }),
  };
}
