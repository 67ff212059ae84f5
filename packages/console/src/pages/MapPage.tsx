import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { mapQuery, segmentsQuery, statusQuery } from "../api/queries.ts";
import type { MapEdge, Outcome } from "../api/types.ts";
import { Diagram } from "../components/map/Diagram.tsx";
import { MapPanel } from "../components/map/MapPanel.tsx";
import { MapTable } from "../components/map/MapTable.tsx";
import { Overview } from "../components/map/Overview.tsx";
import { MapFilters } from "../forms/MapFilters.tsx";
import { MapViewControls } from "../forms/MapViewControls.tsx";
import { Command } from "../ui/Command.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { PageHeader } from "../ui/PageHeader.tsx";
import { formatCount } from "../util/format.ts";
import { buildMapModel, type MapModel } from "../util/map-model.ts";
import { type MapSearch, type MapViewKind, parseOutcomes, pb, SINCE_DEFAULT } from "../util/path-builder.ts";
import classes from "./MapPage.module.css";

const route = getRouteApi("/");

/** Beyond these a diagram is a wall of boxes; the overview takes over. */
const DIAGRAM_CARDS_MAX = 160;
const DIAGRAM_ROWS_MAX = 320;
const DIAGRAM_LINKS_MAX = 1_200;

export function MapPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: view } = useSuspenseQuery(mapQuery(search.since ?? SINCE_DEFAULT));
  const { data: status } = useSuspenseQuery(statusQuery);
  const { data: segments = [] } = useQuery(segmentsQuery);
  const { segment, q = "", group = "workload", outcome, sel } = search;
  const model = useMemo(
    () => buildMapModel(view, group, { outcomes: parseOutcomes(outcome), segment, search: q }),
    [view, group, outcome, segment, q],
  );
  const counts = useMemo(() => countOutcomes(view.edges), [view]);
  const change = useCallback(
    (part: Partial<MapSearch>) => {
      void navigate({ to: ".", search: (now) => ({ ...now, ...part }), replace: true });
    },
    [navigate],
  );
  const openSegment = useCallback((name: string) => change({ segment: name, sel: undefined }), [change]);
  const select = useCallback((id: string | undefined) => change({ sel: id }), [change]);
  const drawn = drawnView(search.view, model);
  return (
    <>
      <PageHeader title="Map" note={noteOf(model)}>
        <MapViewControls search={search} onChange={change} />
      </PageHeader>
      <MapFilters
        search={search}
        segments={segments.map((item) => item.name)}
        counts={counts}
        onChange={change}
      />
      {status.revision === 0 && view.edges.length > 0 ? <NextStep /> : null}
      <div className={classes["content"]}>
        {model.cards.size === 0 ? (
          <NothingHere
            filtered={view.edges.length > 0 || view.nodes.length > 0}
            onReset={() => navigate(pb.map())}
          />
        ) : drawn === "table" ? (
          <MapTable model={model} selected={sel} onSelect={select} />
        ) : drawn === "overview" ? (
          <Overview model={model} selected={sel} onSelect={select} onSegment={openSegment} />
        ) : (
          <Diagram model={model} selected={sel} onSelect={select} />
        )}
        <MapPanel model={model} selected={sel} onSelect={select} />
      </div>
    </>
  );
}

function drawnView(wanted: MapViewKind | undefined, model: MapModel): MapViewKind {
  if (wanted === "table" || wanted === "overview") return wanted;
  const fits =
    model.cards.size <= DIAGRAM_CARDS_MAX &&
    model.rows.size <= DIAGRAM_ROWS_MAX &&
    model.links.length <= DIAGRAM_LINKS_MAX;
  return fits ? "diagram" : "overview";
}

function noteOf(model: MapModel): string {
  const edges = `${formatCount(model.edges.length)} connections`;
  return model.edges.length === model.edgesTotal
    ? edges
    : `${formatCount(model.edges.length)} of ${formatCount(model.edgesTotal)} connections`;
}

function countOutcomes(edges: readonly MapEdge[]): Record<Outcome, number> {
  const counts: Record<Outcome, number> = { allowed: 0, "would-block": 0, blocked: 0 };
  for (const edge of edges) counts[edge.outcome] += 1;
  return counts;
}

/** A new user's map is all would-block: nothing is wrong, there just is no policy yet. */
function NextStep() {
  return (
    <p className={classes["next"]}>
      No policy yet: nothing is refused, and what would be under default deny is shown as would-block. Let
      Ringwall propose one with <Command>ringwall learn</Command>
    </p>
  );
}

type NothingProps = { readonly filtered: boolean; readonly onReset: () => void };

function NothingHere({ filtered, onReset }: NothingProps) {
  if (!filtered) {
    return (
      <EmptyState title="No traffic seen yet" command="ringwall token create">
        The map fills within seconds of the first connection on a host with an agent. `make run` starts one on
        this machine; a token enrols others.
      </EmptyState>
    );
  }
  return (
    <EmptyState title="Nothing fits these filters">
      <button type="button" className={classes["reset"]} onClick={onReset}>
        Show everything
      </button>
    </EmptyState>
  );
}
