import type { MapEdge } from "../../api/types.ts";
import { Age } from "../../ui/Age.tsx";
import { NotKnown, OutcomeBadge, VerificationBadge } from "../../ui/badges.tsx";
import { Fact, Facts } from "../../ui/Facts.tsx";
import { formatBytes, formatCount, formatPort } from "../../util/format.ts";
import type { Link, MapModel } from "../../util/map-model.ts";
import classes from "./MapPanel.module.css";

type Props = {
  readonly link: Link;
  readonly model: MapModel;
  readonly onSelect: (id: string) => void;
};

export function LinkDetails({ link, model, onSelect }: Props) {
  return (
    <>
      <h2 className={classes["heading"]}>Connection</h2>
      <OutcomeBadge outcome={link.outcome} />
      <Facts>
        <Fact term="From">
          <End row={link.source} model={model} onSelect={onSelect} />
        </Fact>
        <Fact term="To">
          <End row={link.target} model={model} onSelect={onSelect} />
        </Fact>
        <Fact term="Connections">{formatCount(link.count)}</Fact>
      </Facts>
      {link.edges.map((edge) => (
        <Edge
          key={`${edge.source} ${edge.destination} ${edge.proto} ${edge.port} ${edge.rule}`}
          edge={edge}
        />
      ))}
    </>
  );
}

function End({ row, model, onSelect }: { readonly row: string } & Omit<Props, "link">) {
  const found = model.rows.get(row);
  const card = found === undefined ? undefined : model.cards.get(found.card);
  if (found === undefined || card === undefined) return null;
  return (
    <>
      <button type="button" className={classes["jump"]} onClick={() => onSelect(row)}>
        {found.software ?? (card.kind === "address" ? "not managed" : "software not known")}
      </button>
      {" on "}
      <button type="button" className={classes["jump"]} onClick={() => onSelect(card.id)}>
        {card.title}
      </button>
    </>
  );
}

/** One port, one rule; with its ends where the card stands for several workloads. */
function Edge({ edge }: { readonly edge: MapEdge }) {
  const port = formatPort(edge.proto, edge.port);
  return (
    <section className={classes["edge"]} aria-label={port}>
      <h3>
        <code>{port}</code>
        <span className="rw-not-known">
          {edge.source} → {edge.destination}
        </span>
      </h3>
      <Facts>
        <Fact term="Rule">{edge.rule ?? <NotKnown>not judged</NotKnown>}</Fact>
        <Fact term="Connections">{formatCount(edge.count)}</Fact>
        <Fact term="Bytes">
          {formatBytes(edge.bytesOut)} out, {formatBytes(edge.bytesIn)} in
        </Fact>
        <Fact term="Verified">
          <VerificationBadge verification={edge.verification} />
        </Fact>
        <Fact term="Last seen">
          <Age time={edge.lastSeen} />
        </Fact>
      </Facts>
    </section>
  );
}
