import { ActionIcon } from "@mantine/core";
import type { ReactNode } from "react";
import { CloseIcon } from "../../ui/icons.tsx";
import type { MapModel } from "../../util/map-model.ts";
import { CardDetails } from "./CardDetails.tsx";
import { LinkDetails } from "./LinkDetails.tsx";
import classes from "./MapPanel.module.css";
import { RowDetails } from "./RowDetails.tsx";

type Props = {
  readonly model: MapModel;
  readonly selected: string | undefined;
  readonly onSelect: (id: string | undefined) => void;
};

/** All there is to know about what is selected; nothing where nothing is, or where it left the map. */
export function MapPanel({ model, selected, onSelect }: Props) {
  const details = detailsOf(model, selected, onSelect);
  if (details === null) return null;
  return (
    <aside className={classes["panel"]} aria-label="Details">
      <ActionIcon
        className={classes["close"] ?? ""}
        variant="subtle"
        color="gray"
        aria-label="close details"
        onClick={() => onSelect(undefined)}
      >
        <CloseIcon />
      </ActionIcon>
      {details}
    </aside>
  );
}

function detailsOf(
  model: MapModel,
  selected: string | undefined,
  onSelect: (id: string) => void,
): ReactNode | null {
  if (selected === undefined) return null;
  const link = model.links.find((item) => item.id === selected);
  if (link !== undefined) return <LinkDetails link={link} model={model} onSelect={onSelect} />;
  const row = model.rows.get(selected);
  if (row !== undefined) return <RowDetails row={row} model={model} onSelect={onSelect} />;
  const card = model.cards.get(selected);
  return card === undefined ? null : <CardDetails card={card} model={model} onSelect={onSelect} />;
}
