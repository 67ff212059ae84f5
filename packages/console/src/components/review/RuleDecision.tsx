import { type FormEvent, useId, useState } from "react";
import { ApiProblem } from "../../api/api-problem.ts";
import { useReview } from "../../api/review.ts";
import type { ProposedRule, ReviewState } from "../../api/types.ts";
import { ActionButton } from "../../ui/ActionButton.tsx";
import classes from "./RuleDecision.module.css";

/** As the API takes it. */
const REASON_LENGTH_MAX = 1_000;
const SENDING = "the controller is being told";

type Props = { readonly rule: ProposedRule; readonly onDecided: () => void };

/** Accept, reject with a reason, or take the word back. */
export function RuleDecision({ rule, onDecided }: Props) {
  const [reason, setReason] = useState("");
  const field = useId();
  const review = useReview();
  const say = (state: ReviewState) =>
    review.mutate({ rule: rule.id, state, reason: reason.trim() }, { onSuccess: onDecided });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    say("rejected");
  };
  const sending = review.isPending ? SENDING : null;
  if (rule.state !== "open") {
    return (
      <div className={classes["decision"]}>
        <ActionButton disabledReason={sending} onClick={() => say("open")}>
          {rule.state === "rejected" ? "Take it back into the draft" : "Open it again"}
        </ActionButton>
        <Problem error={review.error} />
      </div>
    );
  }
  return (
    <form className={classes["decision"]} onSubmit={submit}>
      <label htmlFor={field}>Reason of a rejection</label>
      <textarea
        id={field}
        rows={3}
        maxLength={REASON_LENGTH_MAX}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <div className={classes["buttons"]}>
        <ActionButton tone="primary" disabledReason={sending} onClick={() => say("accepted")}>
          Accept
        </ActionButton>
        <ActionButton
          tone="danger"
          disabledReason={sending ?? (reason.trim() === "" ? "say why: it is kept with the rule" : null)}
        >
          Reject
        </ActionButton>
      </div>
      <p className={classes["hint"]}>What is rejected leaves the draft and is not proposed again.</p>
      <Problem error={review.error} />
    </form>
  );
}

export function Problem({ error }: { readonly error: Error | null }) {
  if (error === null) return null;
  const fix = error instanceof ApiProblem && error.fix !== null ? `; ${error.fix}` : "";
  return (
    <p className={classes["problem"]} role="alert">
      {error.message}
      {fix}
    </p>
  );
}
