import { type CSSProperties, useMemo } from "react";
import { useElementSize } from "../../hooks/use-element-size.ts";
import { type Bounds, usePanZoom } from "../../hooks/use-pan-zoom.ts";
import { pathsOf } from "../../util/diagram-paths.ts";
import { CARD, type DiagramLayout, heightOfCard } from "../../util/diagram-types.ts";
import { highlightOf } from "../../util/map-highlight.ts";
import type { MapModel } from "../../util/map-model.ts";
import classes from "./Diagram.module.css";
import { DiagramCard } from "./DiagramCard.tsx";
import { DiagramLinks } from "./DiagramLinks.tsx";
import { useDiagramLayout } from "./use-diagram-layout.ts";
import { ZoomButtons } from "./ZoomButtons.tsx";

type Props = {
  readonly model: MapModel;
  readonly selected: string | undefined;
  readonly onSelect: (id: string | undefined) => void;
};

/** Workloads as cards with their software in rows, calls as lines from left to right. */
export function Diagram({ model, selected, onSelect }: Props) {
  const { ref, size } = useElementSize<HTMLDivElement>();
  const keyed = useDiagramLayout(model);
  const layout = keyed?.layout ?? null;
  const bounds = useMemo(() => (layout === null ? null : boundsOf(layout)), [layout]);
  const { view, handlers, zoomBy, fit } = usePanZoom(ref, size, bounds);
  const paths = useMemo(() => (layout === null ? [] : pathsOf(model, layout)), [model, layout]);
  const highlight = useMemo(() => highlightOf(model, selected), [model, selected]);
  const ready = layout !== null && size.width > 0;
  return (
    <div ref={ref} className={classes["pane"]} data-ready={ready} data-testid="diagram" {...handlers}>
      {/* The background as a way out of a selection; the keyboard has the panel's close button. */}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: see above */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: see above */}
      <div className={classes["background"]} onClick={() => onSelect(undefined)} />
      {layout === null ? null : (
        <div
          className={classes["world"]}
          data-far={view.zoom < ZOOM_FAR}
          style={
            {
              "--title-px": titlePx(view.zoom),
              "--line-scale": lineScale(view.zoom),
              transform: `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`,
            } as CSSProperties
          }
        >
          <DiagramLinks paths={paths} model={model} highlight={highlight} onSelect={onSelect} />
          {[...model.cards.values()].map((card) => {
            const place = layout.cards.get(card.id);
            if (place === undefined) return null;
            return (
              <DiagramCard
                key={card.id}
                card={card}
                rowOrder={layout.rows.get(card.id)}
                x={place.x}
                y={place.y}
                selected={selected}
                dimmed={highlight !== null && !highlight.cards.has(card.id)}
                onSelect={onSelect}
              />
            );
          })}
        </div>
      )}
      <ZoomButtons onZoom={zoomBy} onFit={fit} />
    </div>
  );
}

/** Below this zoom software can't be read: cards show their titles only, as large as fits. */
const ZOOM_FAR = 0.55;
const TITLE_SCREEN_PX = 11;
/** Two lines of it fit a card of one row. */
const TITLE_WORLD_PX_MAX = 26;

/** The size of a far card's title in the world, so that it has its size on the screen. */
function titlePx(zoom: number): string {
  return `${Math.min(TITLE_WORLD_PX_MAX, TITLE_SCREEN_PX / zoom)}px`;
}

/** Lines get no thinner on the screen than they are at the zoom where cards become far. */
function lineScale(zoom: number): number {
  return Math.max(1, ZOOM_FAR / zoom);
}

/** Room at the right for links that bow out. */
const BOW_ROOM = 56;

function boundsOf(layout: DiagramLayout): Bounds {
  const bounds = { left: 0, top: Number.POSITIVE_INFINITY, right: 0, bottom: Number.NEGATIVE_INFINITY };
  for (const [id, { x, y }] of layout.cards) {
    const height = heightOfCard(layout.rows.get(id)?.length ?? 0);
    bounds.left = Math.min(bounds.left, x);
    bounds.right = Math.max(bounds.right, x + CARD.width + BOW_ROOM);
    bounds.top = Math.min(bounds.top, y);
    bounds.bottom = Math.max(bounds.bottom, y + height);
  }
  return bounds;
}
