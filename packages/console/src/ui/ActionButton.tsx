import type { ReactNode } from "react";
import classes from "./ActionButton.module.css";

type Props = {
  readonly children: ReactNode;
  readonly tone?: "primary" | "danger";
  /** Why it can't be pressed now; it is shown, not hidden. */
  readonly disabledReason?: string | null;
  readonly label?: string;
  /** Absent: it submits its form. */
  readonly onClick?: () => void;
};

/** A button that changes something, readable in both colour schemes. */
export function ActionButton({ children, tone, disabledReason = null, label, onClick }: Props) {
  return (
    <button
      type={onClick === undefined ? "submit" : "button"}
      className={classes["button"]}
      data-tone={tone}
      disabled={disabledReason !== null}
      title={disabledReason ?? undefined}
      aria-label={label}
      onClick={onClick}
    >
      {children}
    </button>
  );
}
