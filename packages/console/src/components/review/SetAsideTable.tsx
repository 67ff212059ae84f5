import type { FindingView } from "../../api/types.ts";
import { type Column, DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { formatCount } from "../../util/format.ts";

const columns: readonly Column<FindingView>[] = [
  {
    key: "suspicious",
    header: "Look first",
    width: "100px",
    sortBy: (finding) => (finding.suspicious ? 0 : 1),
    render: (finding) => (finding.suspicious ? "suspicious" : ""),
  },
  {
    key: "reason",
    header: "Reason",
    width: "132px",
    sortBy: (one) => one.reason,
    render: (one) => one.reason,
  },
  {
    key: "from",
    header: "From",
    width: "minmax(140px, 1fr)",
    sortBy: (finding) => finding.source,
    render: (finding) => endOf(finding.source, finding.sourceSoftware),
  },
  {
    key: "to",
    header: "To",
    width: "minmax(140px, 1fr)",
    sortBy: (finding) => finding.destination,
    render: (finding) => endOf(finding.destination, finding.destinationSoftware),
  },
  { key: "port", header: "Port", width: "110px", render: (finding) => finding.port },
  {
    key: "words",
    header: "Why it was not learned",
    width: "minmax(220px, 2fr)",
    render: (finding) => <span title={finding.words}>{finding.words}</span>,
  },
  {
    key: "connections",
    header: "Connections",
    width: "104px",
    align: "right",
    sortBy: (finding) => finding.connections,
    render: (finding) => formatCount(finding.connections),
  },
];

/** What the learner saw and made no rule of, each with its reason. */
export function SetAsideTable({ findings }: { readonly findings: readonly FindingView[] }) {
  if (findings.length === 0) {
    return (
      <EmptyState title="Nothing set aside">
        Scans, failures and rarities would be listed here; everything that was seen is covered by a rule.
      </EmptyState>
    );
  }
  return (
    <DataTable
      label="Set aside"
      columns={columns}
      rows={findings}
      rowKey={keyOf}
      sortedBy={{ key: "suspicious", descending: false }}
    />
  );
}

function keyOf({
  source,
  sourceSoftware,
  destination,
  destinationSoftware,
  port,
  reason,
}: FindingView): string {
  return JSON.stringify([source, sourceSoftware, destination, destinationSoftware, port, reason]);
}

function endOf(place: string, software: string | null) {
  const text = software === null ? place : `${software} on ${place}`;
  return <span title={text}>{text}</span>;
}
