import type { Result } from "@ringwall/model";
import { type Refusal, refusal } from "../refusal.ts";

/** Times that a change is thought out because others changed what it was made from meanwhile; then it is refused. */
export const TRIES_MAX = 5;

/**
 * What takes long to think out holds nothing meanwhile: `attempt` reads, thinks, and is refused by the two refusals below
 * where something else is written there by then. It has another try, on what is there now; null where none could do.
 */
export async function thinkAgain<R extends Result<unknown, Refusal> | null>(
  attempt: () => Promise<R>,
): Promise<R> {
  let result = await attempt();
  for (let tries = 1; tries < TRIES_MAX && isMeanwhile(result); tries += 1) result = await attempt();
  return result;
}

export function draftChanged(): Refusal {
  return refusal(409, "draft-changed", "somebody else changed the draft meanwhile: nothing was saved", {
    fix: "look at the draft as it is now, and do it again",
  });
}

export function liveChanged(revision: number): Refusal {
  return refusal(409, "live-changed", `revision ${revision} went live meanwhile: nothing was changed`, {
    fix: "look at what is live now (`ringwall get revisions`), and make the change again",
  });
}

function isMeanwhile(result: Result<unknown, Refusal> | null): boolean {
  return result !== null && !result.ok && ["draft-changed", "live-changed"].includes(result.error.code);
}
