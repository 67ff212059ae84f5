import { CALL_TIMEOUT_MS } from "../session/client.ts";
import type { Session } from "../session/session.ts";

/** A host that proves nothing (any more) says so, or its peers would expect proofs for ever. An older controller can't. */
export async function offerNoKeys(session: Session, workload: string): Promise<void> {
  await session.client()?.service.offerProofKey({ workload, keys: [] }, { timeoutMs: CALL_TIMEOUT_MS });
}
