import { type CSSProperties, memo } from "react";
import type { LinkPath } from "../../util/diagram-paths.ts";
import type { Highlight } from "../../util/map-highlight.ts";
import type { Link, MapModel } from "../../util/map-model.ts";
import { OUTCOMES } from "../../util/path-builder.ts";
import classes from "./Diagram.module.css";

type Props = {
  readonly paths: readonly LinkPath[];
  readonly model: MapModel;
  readonly highlight: Highlight | null;
  readonly onSelect: (id: string) => void;
};

const WIDTH = { min: 1.3, perDecade: 0.4, max: 3.6 } as const;
const CROSS = 5;

/** Lines, the worst outcome last and so on top. Decoration for those who can't see them: the table has the same edges. */
export const DiagramLinks = memo(function DiagramLinks({ paths, model, highlight, onSelect }: Props) {
  const ordered = paths.toSorted(
    (left, right) => OUTCOMES.indexOf(left.link.outcome) - OUTCOMES.indexOf(right.link.outcome),
  );
  return (
    <svg className={classes["links"]} width="1" height="1">
      <title>Connections</title>
      <defs>
        {OUTCOMES.map((outcome) => (
          <marker
            key={outcome}
            id={`arrow-${outcome}`}
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="8"
            markerHeight="8"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path d="M0 0.6 8 4 0 7.4z" className={classes["arrow"]} data-outcome={outcome} />
          </marker>
        ))}
      </defs>
      {ordered.map(({ link, d, middle }) => (
        // biome-ignore lint/a11y/useSemanticElements: no button element inside SVG
        <g
          key={link.id}
          role="button"
          tabIndex={-1}
          aria-label={labelOf(link, model)}
          className={classes["link"]}
          data-outcome={link.outcome}
          data-dimmed={highlight !== null && !highlight.links.has(link.id)}
          data-lit={highlight?.links.has(link.id) === true}
          onClick={() => onSelect(link.id)}
        >
          <path d={d} className={classes["hit"]} />
          <path
            d={d}
            className={classes["line"]}
            style={{ "--width": widthOf(link) } as CSSProperties}
            markerEnd={`url(#arrow-${link.outcome})`}
          />
          {link.outcome === "blocked" ? (
            <path d={crossAt(middle.x, middle.y)} className={classes["cross"]} />
          ) : null}
        </g>
      ))}
    </svg>
  );
});

function widthOf(link: Link): number {
  return Math.min(WIDTH.max, WIDTH.min + Math.log10(Math.max(1, link.count)) * WIDTH.perDecade);
}

/** Blocked reads without colour, too. */
function crossAt(x: number, y: number): string {
  return `M${x - CROSS} ${y - CROSS}l${2 * CROSS} ${2 * CROSS}M${x + CROSS} ${y - CROSS}l${-2 * CROSS} ${2 * CROSS}`;
}

function labelOf(link: Link, model: MapModel): string {
  return `${endOf(link.source, model)} to ${endOf(link.target, model)}, ${link.outcome}`;
}

function endOf(rowId: string, model: MapModel): string {
  const row = model.rows.get(rowId);
  const card = row === undefined ? undefined : model.cards.get(row.card);
  return row?.software == null ? (card?.title ?? "") : `${row.software} on ${card?.title ?? ""}`;
}
