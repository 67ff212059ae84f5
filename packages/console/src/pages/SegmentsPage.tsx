import { useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { segmentsQuery } from "../api/queries.ts";
import type { SegmentView } from "../api/types.ts";
import { ModeBadge } from "../ui/badges.tsx";
import { type Column, DataTable } from "../ui/DataTable.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { PageHeader } from "../ui/PageHeader.tsx";
import { formatCount } from "../util/format.ts";
import { pb } from "../util/path-builder.ts";

const columns: readonly Column<SegmentView>[] = [
  {
    key: "name",
    header: "Segment",
    width: "minmax(180px, 1.4fr)",
    sortBy: (segment) => segment.name,
    render: (segment) => (
      <Link {...pb.map({ segment: segment.name })} className="rw-link">
        {segment.name}
      </Link>
    ),
  },
  {
    key: "workloads",
    header: "Workloads",
    width: "minmax(160px, 2fr)",
    sortBy: (segment) => segment.workloads.length,
    render: (segment) => (
      <span title={segment.workloads.join("\n")}>
        {segment.workloads.length}{" "}
        <span className="rw-not-known">{segment.workloads.slice(0, 6).join(", ")}</span>
      </span>
    ),
  },
  {
    key: "inbound",
    header: "Inbound",
    width: "112px",
    render: (segment) => <ModeBadge mode={segment.modes.inbound} />,
  },
  {
    key: "outbound",
    header: "Outbound",
    width: "112px",
    render: (segment) => <ModeBadge mode={segment.modes.outbound} />,
  },
  {
    key: "processes",
    header: "Processes",
    width: "112px",
    render: (segment) => <ModeBadge mode={segment.modes.processes} />,
  },
  {
    key: "would-block",
    header: "Would block, 24 h",
    width: "140px",
    align: "right",
    sortBy: (segment) => segment.wouldBlock,
    render: (segment) => formatCount(segment.wouldBlock),
  },
  {
    key: "blocked",
    header: "Blocked, 24 h",
    width: "120px",
    align: "right",
    sortBy: (segment) => segment.blocked,
    render: (segment) => formatCount(segment.blocked),
  },
];

export function SegmentsPage() {
  const { data: segments } = useSuspenseQuery(segmentsQuery);
  return (
    <>
      <PageHeader title="Segments" note={`${formatCount(segments.length)}`} />
      {segments.length === 0 ? (
        <EmptyState title="No segments yet" command="ringwall learn">
          A segment is a set of workloads that share controls. Ringwall proposes them, and the rules between
          them, from the traffic it has seen.
        </EmptyState>
      ) : (
        <DataTable label="Segments" columns={columns} rows={segments} rowKey={(segment) => segment.name} />
      )}
    </>
  );
}
