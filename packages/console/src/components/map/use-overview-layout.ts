import { useEffect, useState } from "react";
import type { MapModel } from "../../util/map-model.ts";
import { type OverviewGraph, overviewGraphOf } from "../../util/overview-graph.ts";
import type { OverviewLayout } from "../../util/overview-layout.ts";
import { layOutOverviewInWorker } from "./layout-client.ts";

export type PlacedOverview = { readonly graph: OverviewGraph; readonly layout: OverviewLayout };

/** The model's points and where they stand; the last ones until the new are there. */
export function useOverviewLayout(model: MapModel): PlacedOverview | null {
  const [placed, setPlaced] = useState<PlacedOverview | null>(null);
  useEffect(() => {
    let wanted = true;
    const graph = overviewGraphOf(model);
    void layOutOverviewInWorker({ nodes: graph.nodes, clusterEdges: graph.clusterEdges }).then((layout) => {
      if (wanted) setPlaced({ graph, layout });
    });
    return () => {
      wanted = false;
    };
  }, [model]);
  return placed;
}
