import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { workloadsQuery } from "../api/queries.ts";
import type { WorkloadView } from "../api/types.ts";
import { HostPanel } from "../components/hosts/HostPanel.tsx";
import { SearchField } from "../forms/SearchField.tsx";
import { Age } from "../ui/Age.tsx";
import { AgentBadge, LevelBadge, ModeBadge, NotKnown } from "../ui/badges.tsx";
import { type Column, DataTable } from "../ui/DataTable.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { PageHeader } from "../ui/PageHeader.tsx";
import { formatCount } from "../util/format.ts";
import { includesText } from "../util/includes-text.ts";
import { pb } from "../util/path-builder.ts";
import { formatGeneration, formatLabels, problemOf } from "../util/workload-text.ts";
import classes from "./WorkloadsPage.module.css";

const route = getRouteApi("/workloads");

/** What leaves for want of room stands in the panel of the host. */
const columns: readonly Column<WorkloadView>[] = [
  {
    key: "name",
    header: "Workload",
    width: "minmax(120px, 1.2fr)",
    sortBy: (workload) => workload.name,
    render: (workload) => (
      <Link {...pb.flows({ workload: workload.name })} className="rw-link" title={workload.name}>
        {workload.name}
      </Link>
    ),
  },
  {
    key: "agent",
    header: "Agent",
    width: "108px",
    sortBy: agentState,
    render: (workload) => <AgentBadge state={agentState(workload)} />,
  },
  {
    key: "level",
    header: "Level",
    width: "76px",
    leaves: 2,
    sortBy: ({ agent }) => agent?.capability ?? "",
    render: ({ agent }) => (agent === null ? "" : <LevelBadge level={agent.capability} />),
  },
  {
    key: "addresses",
    header: "Addresses",
    width: "minmax(110px, 1fr)",
    leaves: 5,
    render: (workload) => (
      <span className="rw-mono" title={workload.addresses.join("\n")}>
        {workload.addresses.join(", ")}
      </span>
    ),
  },
  {
    key: "labels",
    header: "Labels",
    width: "minmax(140px, 1.4fr)",
    leaves: 4,
    render: (workload) => (
      <span className="rw-mono" title={formatLabels(workload)}>
        {formatLabels(workload)}
      </span>
    ),
  },
  {
    key: "segments",
    header: "Segments",
    width: "minmax(110px, 1fr)",
    leaves: 7,
    sortBy: (workload) => workload.segments.join(),
    render: (workload) =>
      workload.segments.length === 0 ? (
        <NotKnown>none</NotKnown>
      ) : (
        <span title={workload.segments.join("\n")}>{workload.segments.join(", ")}</span>
      ),
  },
  {
    key: "inbound",
    header: "Inbound",
    width: "104px",
    render: (workload) => <ModeBadge mode={workload.modes.inbound} />,
  },
  {
    key: "outbound",
    header: "Outbound",
    width: "104px",
    render: (workload) => <ModeBadge mode={workload.modes.outbound} />,
  },
  {
    key: "generation",
    header: "Generation",
    width: "96px",
    leaves: 1,
    align: "right",
    render: ({ agent }) => (agent === null ? "" : formatGeneration(agent)),
  },
  {
    key: "seen",
    header: "Last seen",
    width: "92px",
    leaves: 3,
    render: ({ agent }) =>
      agent?.lastSeen == null ? <NotKnown>never</NotKnown> : <Age time={agent.lastSeen} />,
  },
  {
    key: "problem",
    header: "Problem",
    width: "minmax(140px, 1fr)",
    leaves: 6,
    render: ({ agent }) => <span title={problemOf(agent)}>{problemOf(agent)}</span>,
  },
];

export function WorkloadsPage() {
  const { q = "", sel } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: workloads } = useSuspenseQuery(workloadsQuery);
  const shown = workloads.filter((workload) =>
    includesText(q, [
      workload.name,
      ...workload.addresses,
      ...workload.segments,
      formatLabels(workload),
      agentState(workload),
    ]),
  );
  const selected = workloads.find((workload) => workload.name === sel);
  const select = (name: string | undefined) => {
    void navigate({ ...pb.workloads({ q, sel: name }), replace: true });
  };
  return (
    <>
      <PageHeader title="Workloads" note={formatCount(shown.length)}>
        <SearchField
          label="Name, address, label, segment"
          value={q}
          onChange={(value) => navigate({ ...pb.workloads({ q: value, sel }), replace: true })}
        />
      </PageHeader>
      {workloads.length === 0 ? (
        <EmptyState title="No workloads yet" command="ringwall token create">
          A host appears here when its agent enrols. Make a token, then start the agent on the host with it.
        </EmptyState>
      ) : (
        <div className={classes["content"]}>
          <DataTable
            label="Workloads"
            columns={columns}
            rows={shown}
            rowKey={(workload) => workload.name}
            selectedKey={sel}
            onSelect={({ name }) => select(name)}
          />
          {selected === undefined ? null : (
            <HostPanel workload={selected} onClose={() => select(undefined)} />
          )}
        </div>
      )}
    </>
  );
}

function agentState({ agent }: WorkloadView): "connected" | "behind" | "lost" | "no agent" {
  if (agent === null) return "no agent";
  if (!agent.connected) return "lost";
  return agent.generation < agent.generationWanted ? "behind" : "connected";
}
