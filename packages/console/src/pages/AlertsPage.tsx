import { useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { alertsQuery } from "../api/queries.ts";
import type { AlertView } from "../api/types.ts";
import { Age } from "../ui/Age.tsx";
import { AlertBadge, NotKnown } from "../ui/badges.tsx";
import { type Column, DataTable } from "../ui/DataTable.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { PageHeader } from "../ui/PageHeader.tsx";
import { formatCount } from "../util/format.ts";
import { pb } from "../util/path-builder.ts";

const columns: readonly Column<AlertView>[] = [
  {
    key: "kind",
    header: "Kind",
    width: "116px",
    sortBy: (alert) => alert.kind,
    render: (alert) => <AlertBadge kind={alert.kind} />,
  },
  {
    key: "message",
    header: "What happened",
    width: "minmax(320px, 3fr)",
    render: (alert) => <span title={alert.message}>{alert.message}</span>,
  },
  {
    key: "workload",
    header: "Workload",
    width: "minmax(120px, 0.7fr)",
    sortBy: (alert) => alert.workload ?? "",
    render: (alert) =>
      alert.workload === null ? (
        <NotKnown>none</NotKnown>
      ) : (
        <Link {...pb.flows({ workload: alert.workload })} className="rw-link">
          {alert.workload}
        </Link>
      ),
  },
  {
    key: "rule",
    header: "Rule",
    width: "minmax(120px, 1fr)",
    sortBy: (alert) => alert.rule ?? "",
    render: (alert) => <span title={alert.rule ?? ""}>{alert.rule ?? ""}</span>,
  },
  {
    key: "count",
    header: "Count",
    width: "84px",
    align: "right",
    sortBy: (alert) => alert.count,
    render: (alert) => formatCount(alert.count),
  },
  {
    key: "first",
    header: "First",
    width: "108px",
    sortBy: (alert) => alert.time,
    render: (alert) => <Age time={alert.time} />,
  },
  {
    key: "last",
    header: "Last",
    width: "108px",
    sortBy: (alert) => alert.lastTime,
    render: (alert) => <Age time={alert.lastTime} />,
  },
];

export function AlertsPage() {
  const { data: alerts } = useSuspenseQuery(alertsQuery);
  return (
    <>
      <PageHeader title="Alerts" note={formatCount(alerts.length)} />
      {alerts.length === 0 ? (
        <EmptyState title="No alerts" command="ringwall mode SEGMENT alert">
          Blocked attempts, segments in alert, lost agents and new software are reported here. In observe,
          attempts outside the policy are only recorded.
        </EmptyState>
      ) : (
        <DataTable
          label="Alerts"
          columns={columns}
          rows={alerts}
          rowKey={(alert) => alert.id}
          sortedBy={{ key: "last", descending: true }}
        />
      )}
    </>
  );
}
