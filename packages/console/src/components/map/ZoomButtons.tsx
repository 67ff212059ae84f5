import { ActionIcon } from "@mantine/core";
import { FitIcon, MinusIcon, PlusIcon } from "../../ui/icons.tsx";
import classes from "./ZoomButtons.module.css";

const STEP = 1.3;

type Props = { readonly onZoom: (factor: number) => void; readonly onFit: () => void };

export function ZoomButtons({ onZoom, onFit }: Props) {
  return (
    <div className={classes["buttons"]}>
      <ActionIcon variant="default" aria-label="zoom in" onClick={() => onZoom(STEP)}>
        <PlusIcon />
      </ActionIcon>
      <ActionIcon variant="default" aria-label="zoom out" onClick={() => onZoom(1 / STEP)}>
        <MinusIcon />
      </ActionIcon>
      <ActionIcon variant="default" aria-label="fit to the window" onClick={onFit}>
        <FitIcon />
      </ActionIcon>
    </div>
  );
}
