import { Select } from "@mantine/core";
import type { Outcome } from "../api/types.ts";
import { formatOutcomes, type MapSearch, OUTCOMES, parseOutcomes } from "../util/path-builder.ts";
import classes from "./MapFilters.module.css";
import { SearchField } from "./SearchField.tsx";

type Props = {
  readonly search: MapSearch;
  readonly segments: readonly string[];
  /** How many edges of each outcome there are before this filter. */
  readonly counts: Readonly<Record<Outcome, number>>;
  readonly onChange: (change: Partial<MapSearch>) => void;
};

/** Options of an open list; typing narrows them. */
const SEGMENTS_LISTED_MAX = 200;

/** Words, segment and outcome. The outcome buttons are the legend as well. */
export function MapFilters({ search, segments, counts, onChange }: Props) {
  return (
    <div className={classes["filters"]}>
      <SearchField
        label="Workload, software, port, rule"
        value={search.q ?? ""}
        onChange={(q) => onChange({ q: q === "" ? undefined : q })}
      />
      <Select
        size="xs"
        w={150}
        aria-label="Segment"
        placeholder="All segments"
        data={[...segments]}
        value={search.segment ?? null}
        onChange={(segment) => onChange({ segment: segment ?? undefined })}
        clearable
        searchable
        limit={SEGMENTS_LISTED_MAX}
        comboboxProps={{ keepMounted: false }}
      />
      <OutcomeButtons search={search} counts={counts} onChange={onChange} />
    </div>
  );
}

function OutcomeButtons({ search, counts, onChange }: Omit<Props, "segments">) {
  const shown = parseOutcomes(search.outcome);
  const toggle = (outcome: Outcome) => {
    const next = shown.includes(outcome)
      ? shown.filter((other) => other !== outcome)
      : OUTCOMES.filter((other) => other === outcome || shown.includes(other));
    onChange({ outcome: formatOutcomes(next) });
  };
  return (
    <fieldset className={classes["outcomes"]} aria-label="Outcome">
      {OUTCOMES.map((outcome) => (
        <button
          key={outcome}
          type="button"
          className={classes["outcome"]}
          aria-pressed={shown.includes(outcome)}
          onClick={() => toggle(outcome)}
        >
          <svg width="22" height="8" aria-hidden="true" className={classes["sample"]} data-outcome={outcome}>
            <path d="M0 4h22" />
          </svg>
          {outcome}
          <span className={classes["count"]}>{counts[outcome]}</span>
        </button>
      ))}
    </fieldset>
  );
}
