import { memo } from "react";
import { heightOfCard } from "../../util/diagram-types.ts";
import { baseName } from "../../util/format.ts";
import type { Card, Row } from "../../util/map-model.ts";
import classes from "./Diagram.module.css";

type Props = {
  readonly card: Card;
  /** Ids from top to bottom; the card's own order until the layout knows better. */
  readonly rowOrder: readonly string[] | undefined;
  readonly x: number;
  readonly y: number;
  readonly selected: string | undefined;
  readonly dimmed: boolean;
  readonly onSelect: (id: string) => void;
};

export const DiagramCard = memo(function DiagramCard(props: Props) {
  const { card, rowOrder, x, y, selected, dimmed, onSelect } = props;
  const byId = new Map(card.rows.map((row) => [row.id, row]));
  const rows = (rowOrder ?? [...byId.keys()]).flatMap((id) => byId.get(id) ?? []);
  return (
    <section
      className={classes["card"]}
      data-kind={card.kind}
      data-dimmed={dimmed}
      aria-label={card.note === "" ? card.title : `${card.title}, ${card.note}`}
      style={{ height: heightOfCard(rows.length), transform: `translate(${x}px, ${y}px)` }}
    >
      <button
        type="button"
        className={classes["title"]}
        aria-pressed={selected === card.id}
        title={`${card.title}\n${card.note}`}
        onClick={() => onSelect(card.id)}
      >
        <span className={classes["name"]}>{card.title}</span>
        <span className={classes["note"]}>{card.note}</span>
      </button>
      {rows.map((row) => (
        <RowButton key={row.id} row={row} card={card} pressed={selected === row.id} onSelect={onSelect} />
      ))}
    </section>
  );
});

/** Ports that fit beside a name; the tooltip and the panel have all. */
const PORTS_SHOWN = 2;

/** The busiest ports, and how many more there are. */
function formatPorts(ports: readonly string[]): string {
  if (ports.length <= PORTS_SHOWN) return ports.join(" ");
  return `${ports[0] ?? ""} +${ports.length - 1}`;
}

type RowProps = {
  readonly row: Row;
  readonly card: Card;
  readonly pressed: boolean;
  readonly onSelect: (id: string) => void;
};

function RowButton({ row, card, pressed, onSelect }: RowProps) {
  const { software, ports } = row;
  return (
    <button
      type="button"
      className={classes["row"]}
      aria-pressed={pressed}
      title={[software ?? "software not known", ...ports].join("\n")}
      onClick={() => onSelect(row.id)}
    >
      {software === null ? (
        <span className={classes["unknown"]}>
          {card.kind === "address" ? "not managed" : "software not known"}
        </span>
      ) : (
        <span className={classes["software"]}>{baseName(software)}</span>
      )}
      <span className={classes["ports"]}>{formatPorts(ports)}</span>
    </button>
  );
}
