import type { ReactNode } from "react";
import { Command } from "./Command.tsx";
import classes from "./EmptyState.module.css";

type Props = {
  readonly title: string;
  readonly children: ReactNode;
  /** What to type next. */
  readonly command?: string;
};

/** Nothing to show, why, and the next step. */
export function EmptyState({ title, children, command }: Props) {
  return (
    <div className={classes["empty"]}>
      <h2>{title}</h2>
      <p>{children}</p>
      {command === undefined ? null : <Command>{command}</Command>}
    </div>
  );
}
