import { SegmentedControl, Select } from "@mantine/core";
import { type FlowsSearch, OUTCOMES, SINCE_CHOICES, SINCE_DEFAULT } from "../util/path-builder.ts";
import { SearchField } from "./SearchField.tsx";

type Props = {
  readonly search: FlowsSearch;
  readonly workloads: readonly string[];
  readonly onChange: (change: Partial<FlowsSearch>) => void;
};

/** Options of an open list; typing narrows them. */
const WORKLOADS_LISTED_MAX = 200;

export function FlowFilters({ search, workloads, onChange }: Props) {
  return (
    <>
      <SearchField
        label="Address, software, port, user"
        value={search.q ?? ""}
        onChange={(q) => onChange({ q: q === "" ? undefined : q })}
      />
      <Select
        size="xs"
        w={170}
        aria-label="Workload"
        placeholder="All workloads"
        data={[...workloads]}
        value={search.workload ?? null}
        onChange={(workload) => onChange({ workload: workload ?? undefined })}
        clearable
        searchable
        limit={WORKLOADS_LISTED_MAX}
        comboboxProps={{ keepMounted: false }}
      />
      <Select
        size="xs"
        w={150}
        aria-label="Verdict"
        placeholder="All verdicts"
        data={[...OUTCOMES]}
        value={search.verdict ?? null}
        onChange={(verdict) => onChange({ verdict: verdict ?? undefined })}
        clearable
      />
      <SegmentedControl
        size="xs"
        aria-label="Time window"
        data={[...SINCE_CHOICES]}
        value={search.since ?? SINCE_DEFAULT}
        onChange={(since) => onChange({ since: SINCE_CHOICES.find((choice) => choice === since) })}
      />
    </>
  );
}
