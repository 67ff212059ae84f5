import { useEffect, useRef, useState } from "react";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { highlightOf } from "../../util/map-highlight.ts";
import type { MapModel } from "../../util/map-model.ts";
import { ADDRESSES_CLUSTER, NO_SEGMENT_CLUSTER } from "../../util/overview-graph.ts";
import classes from "./Overview.module.css";
import { OverviewRenderer } from "./overview-renderer.ts";
import { useOverviewLayout } from "./use-overview-layout.ts";
import { ZoomButtons } from "./ZoomButtons.tsx";

type Props = {
  readonly model: MapModel;
  readonly selected: string | undefined;
  readonly onSelect: (id: string | undefined) => void;
  /** A segment was clicked: show it and what it talks to. */
  readonly onSegment: (name: string) => void;
};

/** Thousands of workloads as points, together by segment; drawn by the graphics card. */
export function Overview({ model, selected, onSelect, onSegment }: Props) {
  const container = useRef<HTMLDivElement>(null);
  const [renderer, setRenderer] = useState<OverviewRenderer | null>(null);
  const [canDraw] = useState(hasWebGl);
  const layout = useOverviewLayout(model);

  useEffect(() => {
    if (container.current === null || !canDraw) return;
    const onCluster = (name: string) => {
      if (name !== ADDRESSES_CLUSTER && name !== NO_SEGMENT_CLUSTER) onSegment(name);
    };
    const made = new OverviewRenderer(container.current, { onSelect, onCluster });
    setRenderer(made);
    return () => made.close();
  }, [canDraw, onSelect, onSegment]);

  useEffect(() => {
    if (layout !== null) renderer?.show(layout);
  }, [renderer, layout]);

  useEffect(() => {
    renderer?.highlight(selected, highlightOf(model, selected)?.cards ?? null);
  }, [renderer, model, selected]);

  if (!canDraw) {
    return (
      <EmptyState title="This browser draws no WebGL">
        A map of this size needs it. Narrow the filters, group by segment, or take the table.
      </EmptyState>
    );
  }
  return (
    <div className={classes["pane"]} data-testid="overview">
      <div ref={container} className={classes["canvas"]} />
      <p className={classes["hint"]}>
        Each point is a workload, each disc a segment: click one for its diagram, or come nearer.
      </p>
      <ZoomButtons onZoom={(factor) => renderer?.zoom(factor)} onFit={() => renderer?.fit()} />
    </div>
  );
}

function hasWebGl(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
}
