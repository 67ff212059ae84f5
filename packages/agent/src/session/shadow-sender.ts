import { toBinary } from "@bufbuild/protobuf";
import { type ShadowReport, ShadowReportSchema } from "@ringwall/protocol/agent";
import { CALL_TIMEOUT_MS, type ControllerClient } from "./client.ts";

/**
 * Tells the controller what there is to tell of a shadow, when it is other than what was told before. Reports say the
 * whole run each time, so that one that gets lost is made good by the next.
 */
export function createShadowSender(
  report: () => Promise<ShadowReport | null>,
  client: () => ControllerClient | null,
): () => Promise<void> {
  let told: Buffer | null = null;
  return async () => {
    const current = client();
    if (current === null) return;
    const message = await report();
    if (message === null) return;
    const bytes = Buffer.from(toBinary(ShadowReportSchema, message));
    if (told?.equals(bytes)) return;
    // A lost connection is told by the session itself; the next call says it all again.
    const sent = await current.service.reportShadow(message, { timeoutMs: CALL_TIMEOUT_MS }).then(
      () => true,
      () => false,
    );
    if (sent) told = bytes;
  };
}
