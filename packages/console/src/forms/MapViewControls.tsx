import { SegmentedControl } from "@mantine/core";
import { GROUPINGS, MAP_VIEWS, type MapSearch, SINCE_CHOICES, SINCE_DEFAULT } from "../util/path-builder.ts";

type Props = {
  readonly search: MapSearch;
  readonly onChange: (change: Partial<MapSearch>) => void;
};

/** How far back the map looks, what a card stands for, and how it is drawn. */
export function MapViewControls({ search, onChange }: Props) {
  return (
    <>
      <SegmentedControl
        size="xs"
        aria-label="Time window"
        data={[...SINCE_CHOICES]}
        value={search.since ?? SINCE_DEFAULT}
        onChange={(since) => onChange({ since: SINCE_CHOICES.find((choice) => choice === since) })}
      />
      <SegmentedControl
        size="xs"
        aria-label="Group by"
        data={GROUPINGS.map((value) => ({ value, label: value === "workload" ? "Workloads" : "Segments" }))}
        value={search.group ?? "workload"}
        onChange={(group) => onChange({ group: group === "segment" ? "segment" : undefined, sel: undefined })}
      />
      <SegmentedControl
        size="xs"
        aria-label="View"
        data={[{ value: "auto", label: "Map" }, ...MAP_VIEWS.slice(1).map(viewChoice)]}
        value={search.view === undefined || search.view === "diagram" ? "auto" : search.view}
        onChange={(view) => onChange({ view: MAP_VIEWS.find((choice) => choice === view) })}
      />
    </>
  );
}

function viewChoice(value: string): { readonly value: string; readonly label: string } {
  return { value, label: value === "table" ? "Table" : "Overview" };
}
