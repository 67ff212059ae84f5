import { fromBinary } from "@bufbuild/protobuf";
import { ExecBatchSchema, FlowBatchSchema } from "@ringwall/protocol/agent";
import { CALL_TIMEOUT_MS, type ControllerClient } from "./client.ts";
import { explainFailure } from "./failure.ts";
import type { Report, Spool } from "./spool.ts";

/** Rows that were lost on the way to the controller, by cause; only ever grows. */
export type UploadLosses = { spoolFull: number; refused: number };

export type Uploader = {
  /** Takes a report over: sent at once where nothing waits before it, else kept on disk until its turn. */
  readonly add: (report: Report) => Promise<void>;
  /** Sends what waits, until nothing does or a call fails. */
  readonly flush: () => Promise<void>;
  /** Resolves when every report taken over so far was sent or is on disk. */
  readonly settled: () => Promise<void>;
  readonly losses: () => Readonly<UploadLosses>;
};

/**
 * Uploads reports in order, one at a time, holding no more than one in memory. A report that the controller refuses for
 * good is dropped and counted: it would be refused for ever and hold up all behind it. Sending twice is harmless, each
 * batch has its id.
 */
export function createUploader(
  spool: Spool,
  client: () => ControllerClient | null,
  onProblem: (message: string) => void,
): Uploader {
  const losses: UploadLosses = { spoolFull: 0, refused: 0 };
  const pending = new Set<Promise<void>>();
  let sending = false;
  let waiting = false;

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

  /** What came while another report was being sent waits on disk; whoever was sending goes on with it. */
  async function flush(): Promise<void> {
    if (sending) {
      waiting = true;
      return;
    }
    sending = true;
    try {
      do {
        waiting = false;
        for (let next = await spool.oldest(); next !== null; next = await spool.oldest()) {
          if ((await send(next.report)) === "kept") return;
          await next.drop();
        }
      } while (waiting);
    } finally {
      sending = false;
    }
  }

  async function sendFirst(report: Report): Promise<"sent" | "kept"> {
    sending = true;
    try {
      return await send(report);
    } finally {
      sending = false;
    }
  }

  async function keepOrSend(report: Report): Promise<void> {
    const isNext = !sending && spool.size().reports === 0;
    if (isNext && (await sendFirst(report)) === "sent") {
      if (waiting) await flush();
      return;
    }
    losses.spoolFull += await spool.add(report);
    if (client() !== null) await flush();
  }

  return {
    losses: () => losses,
    settled: async () => {
      await Promise.allSettled(pending);
    },
    flush,
    add: async (report) => {
      const done = keepOrSend(report);
      pending.add(done);
      await done.finally(() => pending.delete(done));
    },
  };
}
