import type { ReactNode } from "react";
import classes from "./PageHeader.module.css";

type Props = {
  readonly title: string;
  /** How many there are, or what is shown of them. */
  readonly note?: string;
  /** Filters, at the right. */
  readonly children?: ReactNode;
};

export function PageHeader({ title, note, children }: Props) {
  return (
    <div className={classes["header"]}>
      <title>{`${title} · Ringwall`}</title>
      <h1>{title}</h1>
      {note === undefined ? null : <span className={classes["note"]}>{note}</span>}
      <div className={classes["tools"]}>{children}</div>
    </div>
  );
}
