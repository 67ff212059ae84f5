import { useSuspenseQuery } from "@tanstack/react-query";
import { revisionsQuery } from "../api/queries.ts";
import type { RevisionView } from "../api/types.ts";
import { Age } from "../ui/Age.tsx";
import { RevisionBadge } from "../ui/badges.tsx";
import { Command } from "../ui/Command.tsx";
import { type Column, DataTable } from "../ui/DataTable.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { PageHeader } from "../ui/PageHeader.tsx";
import { formatCount } from "../util/format.ts";

const columns: readonly Column<RevisionView>[] = [
  {
    key: "revision",
    header: "Revision",
    width: "92px",
    sortBy: (item) => item.revision,
    render: (item) => <span>#{item.revision}</span>,
  },
  { key: "state", header: "State", width: "116px", render: (item) => <RevisionBadge state={item.state} /> },
  {
    key: "note",
    header: "Note",
    width: "minmax(220px, 2fr)",
    render: (item) => <span title={item.note}>{item.note}</span>,
  },
  {
    key: "author",
    header: "By",
    width: "minmax(110px, 0.6fr)",
    render: (item) => <span>{item.author}</span>,
  },
  {
    key: "segments",
    header: "Segments",
    width: "90px",
    align: "right",
    render: (item) => formatCount(item.segments),
  },
  { key: "rules", header: "Rules", width: "80px", align: "right", render: (item) => formatCount(item.rules) },
  {
    key: "time",
    header: "When",
    width: "110px",
    sortBy: (item) => item.time,
    render: (item) => <Age time={item.time} />,
  },
  {
    key: "back",
    header: "Back to it",
    width: "210px",
    render: (item) =>
      item.state === "live" || item.state === "unconfirmed" ? null : (
        <Command>{`ringwall rollback ${item.revision}`}</Command>
      ),
  },
];

export function RevisionsPage() {
  const { data: revisions } = useSuspenseQuery(revisionsQuery);
  // The newest first, and none is missing down to 0.
  const older = revisions.at(-1)?.revision ?? 0;
  const listed = formatCount(revisions.length);
  return (
    <>
      <PageHeader
        title="Revisions"
        note={older === 0 ? listed : `the newest ${listed}; ${formatCount(older)} older`}
      />
      {revisions.length === 0 ? (
        <EmptyState title="Nothing provisioned yet" command="ringwall provision">
          Every change of the policy is a revision that can be gone back to. Hosts without one are only
          observed.
        </EmptyState>
      ) : (
        <DataTable
          label="Revisions"
          columns={columns}
          rows={revisions}
          rowKey={(item) => String(item.revision)}
          sortedBy={{ key: "revision", descending: true }}
        />
      )}
    </>
  );
}
