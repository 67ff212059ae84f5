import { type Refusal, refusal } from "../../refusal.ts";
import type { Awaited } from "../../store/state/revisions.ts";

export function alreadyPending(pending: Awaited): Refusal {
  return refusal(
    409,
    "confirmation-pending",
    `revision ${pending.revision} (${pending.what}) waits for its confirmation until ${pending.deadline.toISOString()}`,
    { fix: "`ringwall confirm` keeps it, `ringwall rollback` takes it back; then make this change" },
  );
}

export function nothingPending(): Refusal {
  return refusal(409, "nothing-pending", "nothing waits for a confirmation", {
    fix: "the last change was confirmed already, or was taken back: see `ringwall get revisions`",
  });
}

export function confirmedTooLate(revision: number): Refusal {
  return refusal(
    409,
    "confirmed-too-late",
    `the deadline of revision ${revision} has passed: it was taken back`,
    {
      fix: "make the change again, with a longer --confirm-within if need be",
    },
  );
}
