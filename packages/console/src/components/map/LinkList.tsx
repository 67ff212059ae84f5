import { OutcomeBadge } from "../../ui/badges.tsx";
import { formatCount, formatPort } from "../../util/format.ts";
import type { Link, MapModel } from "../../util/map-model.ts";
import { OUTCOMES } from "../../util/path-builder.ts";
import classes from "./MapPanel.module.css";

type Props = {
  readonly model: MapModel;
  /** Whether a row belongs to what the panel is about. */
  readonly isOwn: (rowId: string) => boolean;
  readonly onSelect: (id: string) => void;
};

/** A panel is for reading; a workload that talks to thousands is better met in the table. */
const LINKS_SHOWN = 60;

/** What it calls and what calls it, the worst outcome first. */
export function LinkList({ model, isOwn, onSelect }: Props) {
  const calls = worstFirst(model.links.filter((link) => isOwn(link.source)));
  const called = worstFirst(model.links.filter((link) => isOwn(link.target)));
  return (
    <>
      <Section title="Calls" links={calls} other={(link) => link.target} model={model} onSelect={onSelect} />
      <Section
        title="Called by"
        links={called}
        other={(link) => link.source}
        model={model}
        onSelect={onSelect}
      />
    </>
  );
}

type SectionProps = Omit<Props, "isOwn"> & {
  readonly title: string;
  readonly links: readonly Link[];
  readonly other: (link: Link) => string;
};

function Section({ title, links, other, model, onSelect }: SectionProps) {
  if (links.length === 0) return null;
  return (
    <section className={classes["links"]} aria-label={title}>
      <h3>
        {title} <span className="rw-not-known">{links.length}</span>
      </h3>
      {links.slice(0, LINKS_SHOWN).map((link) => (
        <button type="button" key={link.id} className={classes["entry"]} onClick={() => onSelect(link.id)}>
          <span className={classes["entry-name"]}>{nameOf(other(link), model)}</span>
          <span className="rw-mono">{portsOf(link)}</span>
          <span className="rw-not-known">{formatCount(link.count)}</span>
          <OutcomeBadge outcome={link.outcome} />
        </button>
      ))}
      {links.length > LINKS_SHOWN ? (
        <p className={classes["text"]}>and {formatCount(links.length - LINKS_SHOWN)} more in the table</p>
      ) : null}
    </section>
  );
}

function worstFirst(links: readonly Link[]): readonly Link[] {
  return links.toSorted(
    (left, right) =>
      OUTCOMES.indexOf(right.outcome) - OUTCOMES.indexOf(left.outcome) || right.count - left.count,
  );
}

function portsOf(link: Link): string {
  const ports = [...new Set(link.edges.map((edge) => formatPort(edge.proto, edge.port)))];
  return ports.length > 1 ? `${ports[0]} +${ports.length - 1}` : (ports[0] ?? "");
}

function nameOf(rowId: string, model: MapModel): string {
  const row = model.rows.get(rowId);
  const card = row === undefined ? undefined : model.cards.get(row.card);
  return row?.software == null ? (card?.title ?? rowId) : `${row.software} on ${card?.title ?? ""}`;
}
