import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { FLOWS_LIMIT, flowsQuery, workloadsQuery } from "../api/queries.ts";
import type { Flow } from "../api/types.ts";
import { FlowFilters } from "../forms/FlowFilters.tsx";
import { NotKnown, OutcomeBadge, VerificationBadge } from "../ui/badges.tsx";
import { type Column, DataTable } from "../ui/DataTable.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { PageHeader } from "../ui/PageHeader.tsx";
import { baseName, formatBytes, formatCount, formatPort, formatTime } from "../util/format.ts";
import { includesText } from "../util/includes-text.ts";
import { type FlowsSearch, pb, SINCE_DEFAULT } from "../util/path-builder.ts";

const route = getRouteApi("/flows");

const columns: readonly Column<Flow>[] = [
  {
    key: "time",
    header: "Time",
    width: "134px",
    sortBy: (flow) => flow.time,
    render: (flow) => (
      <time dateTime={flow.time} title={formatTime(flow.time)}>
        {formatTime(flow.time).slice(5)}
      </time>
    ),
  },
  {
    key: "verdict",
    header: "Verdict",
    width: "108px",
    sortBy: (flow) => flow.verdict ?? "",
    render: (flow) =>
      flow.verdict === undefined ? <NotKnown>not judged</NotKnown> : <OutcomeBadge outcome={flow.verdict} />,
  },
  {
    key: "source",
    header: "Source",
    width: "minmax(108px, 1fr)",
    sortBy: (flow) => placeOf(flow.src),
    render: (flow) => <Place end={flow.src} />,
  },
  {
    key: "source-software",
    header: "Software",
    width: "minmax(108px, 1fr)",
    sortBy: (flow) => programOf(flow.src),
    render: (flow) => <Program end={flow.src} />,
  },
  {
    key: "destination",
    header: "Destination",
    width: "minmax(108px, 1fr)",
    sortBy: (flow) => placeOf(flow.dst),
    render: (flow) => <Place end={flow.dst} />,
  },
  {
    key: "destination-software",
    header: "Software",
    width: "minmax(108px, 1fr)",
    sortBy: (flow) => programOf(flow.dst),
    render: (flow) => <Program end={flow.dst} />,
  },
  {
    key: "port",
    header: "Port",
    width: "84px",
    sortBy: (flow) => flow.port ?? -1,
    render: (flow) => <span className="rw-mono">{formatPort(flow.proto, flow.port ?? null)}</span>,
  },
  { key: "state", header: "State", width: "98px", render: (flow) => flow.state ?? "" },
  {
    key: "verification",
    header: "Verified",
    width: "90px",
    render: (flow) => <VerificationBadge verification={flow.verification ?? "none"} />,
  },
  {
    key: "count",
    header: "Count",
    width: "72px",
    align: "right",
    sortBy: (flow) => flow.count ?? 1,
    render: (flow) => formatCount(flow.count ?? 1),
  },
  {
    key: "out",
    header: "Out",
    width: "82px",
    align: "right",
    sortBy: (flow) => flow.bytesOut ?? 0,
    render: (flow) => formatBytes(flow.bytesOut ?? 0),
  },
  {
    key: "in",
    header: "In",
    width: "82px",
    align: "right",
    sortBy: (flow) => flow.bytesIn ?? 0,
    render: (flow) => formatBytes(flow.bytesIn ?? 0),
  },
];

export function FlowsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { since = SINCE_DEFAULT, workload, verdict, q = "" } = search;
  const { data: flows } = useSuspenseQuery(flowsQuery({ since, workload, verdict }));
  const { data: workloads } = useQuery(workloadsQuery);
  const shown = flows.filter((flow) =>
    includesText(q, [
      ...endTexts(flow.src),
      ...endTexts(flow.dst),
      formatPort(flow.proto, flow.port ?? null),
    ]),
  );
  const change = (part: Partial<FlowsSearch>) =>
    navigate({ ...pb.flows({ ...search, ...part }), replace: true });
  const limited = flows.length >= FLOWS_LIMIT;
  return (
    <>
      <PageHeader
        title="Flows"
        note={
          limited
            ? `the newest ${formatCount(FLOWS_LIMIT)}; narrow the filter for others`
            : formatCount(shown.length)
        }
      >
        <FlowFilters
          search={search}
          workloads={(workloads ?? []).map((item) => item.name)}
          onChange={change}
        />
      </PageHeader>
      {shown.length === 0 ? (
        <EmptyState title="No flows here" command="ringwall get flows">
          Nothing was recorded that fits the time window and the filters. Hosts with a connected agent report
          their connections within seconds.
        </EmptyState>
      ) : (
        <DataTable label="Flows" columns={columns} rows={shown} rowKey={flowKey} />
      )}
    </>
  );
}

function flowKey(flow: Flow): string {
  const ends = [flow.src, flow.dst].map((end) => `${placeOf(end)} ${programOf(end)} ${end.ip} ${end.port}`);
  return `${flow.time} ${flow.until} ${ends.join(" ")} ${flow.proto} ${flow.port} ${flow.verdict} ${flow.reporter}`;
}

type End = Flow["src"];

function placeOf(end: End): string {
  return end.workload ?? end.fqdn ?? end.ip ?? "";
}

function programOf(end: End): string {
  return end.software ?? end.script ?? end.exe ?? "";
}

function endTexts(end: End): readonly (string | null | undefined)[] {
  return [end.workload, end.ip, end.fqdn, end.software, end.script, end.exe, end.user, end.unit];
}

function Place({ end }: { readonly end: End }) {
  return (
    <span title={[end.workload, end.fqdn, end.ip].filter(Boolean).join("\n")}>
      {placeOf(end)} {end.workload == null ? null : <span className="rw-not-known">{end.ip}</span>}
    </span>
  );
}

function Program({ end }: { readonly end: End }) {
  const program = programOf(end);
  if (program === "") return <NotKnown>not known</NotKnown>;
  const details = [end.exe, end.script, end.user, end.unit, end.container, end.package];
  return (
    <span className="rw-mono" title={details.filter(Boolean).join("\n")}>
      {baseName(program)}
    </span>
  );
}
