import type { ProposedRule } from "../../api/types.ts";
import { Age } from "../../ui/Age.tsx";
import { ReviewBadge, RuleBadge } from "../../ui/badges.tsx";
import { type Column, DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { formatCount, formatFactor, formatShare } from "../../util/format.ts";

const columns: readonly Column<ProposedRule>[] = [
  {
    key: "state",
    header: "State",
    width: "96px",
    sortBy: (rule) => rule.state,
    render: (rule) => <ReviewBadge state={rule.state} />,
  },
  { key: "kind", header: "Kind", width: "70px", render: (rule) => <RuleBadge kind={rule.kind} /> },
  {
    key: "rule",
    header: "Rule",
    width: "minmax(160px, 1fr)",
    sortBy: (rule) => rule.id,
    render: (rule) => <span title={rule.id}>{rule.rule}</span>,
  },
  {
    key: "summary",
    header: "What it says",
    width: "minmax(220px, 2fr)",
    render: (rule) => (
      <span className="rw-mono" title={rule.summary}>
        {rule.summary}
      </span>
    ),
  },
  {
    key: "connections",
    header: "Connections",
    width: "104px",
    align: "right",
    sortBy: (rule) => rule.evidence.connections,
    render: (rule) => formatCount(rule.evidence.connections),
  },
  {
    key: "days",
    header: "Days",
    width: "64px",
    align: "right",
    sortBy: (rule) => rule.evidence.days,
    render: (rule) => formatCount(rule.evidence.days),
  },
  {
    key: "over",
    header: "Permits",
    width: "80px",
    align: "right",
    sortBy: (rule) => rule.overPermission,
    render: (rule) => formatFactor(rule.overPermission),
  },
  {
    key: "confidence",
    header: "Confidence",
    width: "100px",
    align: "right",
    sortBy: (rule) => rule.confidence,
    render: (rule) => formatShare(rule.confidence),
  },
  {
    key: "last",
    header: "Last seen",
    width: "96px",
    sortBy: (rule) => rule.evidence.lastSeen,
    render: (rule) => <Age time={rule.evidence.lastSeen} />,
  },
];

type Props = {
  readonly rules: readonly ProposedRule[];
  readonly selected: string | undefined;
  readonly onSelect: (id: string) => void;
};

export function RuleTable({ rules, selected, onSelect }: Props) {
  if (rules.length === 0)
    return <EmptyState title="No rule fits">Choose another state, or other words.</EmptyState>;
  return (
    <DataTable
      label="Proposed rules"
      columns={columns}
      rows={rules}
      rowKey={(rule) => rule.id}
      selectedKey={selected}
      onSelect={(rule) => onSelect(rule.id)}
    />
  );
}
