import { ActionIcon } from "@mantine/core";
import type { ReactNode } from "react";
import { CloseIcon } from "./icons.tsx";
import classes from "./SidePanel.module.css";

type Props = {
  /** Name of the landmark. */
  readonly label: string;
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
};

/** All there is to know about the row that is selected beside it. */
export function SidePanel({ label, title, onClose, children }: Props) {
  return (
    <aside className={classes["panel"]} aria-label={label}>
      <ActionIcon
        className={classes["close"] ?? ""}
        variant="subtle"
        color="gray"
        aria-label={`close ${label.toLowerCase()}`}
        onClick={onClose}
      >
        <CloseIcon />
      </ActionIcon>
      <h2 className={classes["heading"]}>{title}</h2>
      {children}
    </aside>
  );
}
