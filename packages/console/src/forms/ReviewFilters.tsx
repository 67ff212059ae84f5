import { SegmentedControl } from "@mantine/core";
import type { ProposedRule } from "../api/types.ts";
import { formatCount } from "../util/format.ts";
import { REVIEW_STATES, type ReviewSearch } from "../util/path-builder.ts";
import classes from "./MapFilters.module.css";
import { SearchField } from "./SearchField.tsx";

const ALL = "all";

type Props = {
  readonly search: ReviewSearch;
  readonly rules: readonly ProposedRule[];
  readonly onChange: (change: Partial<ReviewSearch>) => void;
};

/** Words, and the state of the review. */
export function ReviewFilters({ search, rules, onChange }: Props) {
  return (
    <div className={classes["filters"]}>
      <SearchField
        label="Rule, software, segment, port"
        value={search.q ?? ""}
        onChange={(q) => onChange({ q: q === "" ? undefined : q })}
      />
      <SegmentedControl
        size="xs"
        aria-label="State"
        data={[ALL, ...REVIEW_STATES].map((value) => ({ value, label: labelOf(value, rules) }))}
        value={search.state ?? ALL}
        onChange={(state) => onChange({ state: REVIEW_STATES.find((one) => one === state) })}
      />
    </div>
  );
}

function labelOf(state: string, rules: readonly ProposedRule[]): string {
  const count = rules.filter((rule) => state === ALL || rule.state === state).length;
  return `${state} ${formatCount(count)}`;
}
