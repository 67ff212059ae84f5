import type { PendingConfirm } from "../api/types.ts";
import { useNow } from "../hooks/use-now.ts";
import { Command } from "../ui/Command.tsx";
import { formatCountdown } from "../util/format.ts";
import classes from "./PendingBanner.module.css";

const RENEWED_MS = 500;

/** A change that undoes itself unless somebody says that it is fine. */
export function PendingBanner({ pending }: { readonly pending: PendingConfirm }) {
  const now = useNow(RENEWED_MS);
  const deadline = Date.parse(pending.deadline);
  return (
    <section className={classes["banner"]} aria-label="Waiting for confirmation">
      <span>
        Revision <b>#{pending.revision}</b> ({pending.what}) waits for confirmation and{" "}
        {deadline > now ? "reverts by itself in" : "is being reverted"}
      </span>
      {deadline > now ? (
        <span className={classes["time"]} role="timer">
          {formatCountdown(deadline, now)}
        </span>
      ) : null}
      <span className={classes["act"]}>
        keep it with <Command>ringwall confirm</Command>
      </span>
    </section>
  );
}
