import type { MapEdge } from "../../api/types.ts";
import { Age } from "../../ui/Age.tsx";
import { NotKnown, OutcomeBadge } from "../../ui/badges.tsx";
import { type Column, DataTable } from "../../ui/DataTable.tsx";
import { formatBytes, formatCount, formatPort } from "../../util/format.ts";
import type { MapModel } from "../../util/map-model.ts";

type Props = {
  readonly model: MapModel;
  readonly selected: string | undefined;
  readonly onSelect: (id: string) => void;
};

type TableRow = { readonly edge: MapEdge; readonly link: string; readonly key: string };

/** The map's edges as a table: the same filter, the same selection, for readers and for the keyboard. */
export function MapTable({ model, selected, onSelect }: Props) {
  const rows = model.links.flatMap((link) =>
    link.edges.map((edge, index): TableRow => ({ edge, link: link.id, key: `${link.id} ${index}` })),
  );
  return (
    <DataTable
      label="Connections"
      columns={columns}
      rows={rows}
      rowKey={(row) => row.key}
      sortedBy={{ key: "last", descending: true }}
      selectedKey={rows.find((row) => row.link === selected)?.key}
      onSelect={(row) => onSelect(row.link)}
    />
  );
}

const columns: readonly Column<TableRow>[] = [
  {
    key: "outcome",
    header: "Outcome",
    width: "108px",
    sortBy: ({ edge }) => edge.outcome,
    render: ({ edge }) => <OutcomeBadge outcome={edge.outcome} />,
  },
  {
    key: "source",
    header: "Source",
    width: "minmax(120px, 1fr)",
    sortBy: ({ edge }) => edge.source,
    render: ({ edge }) => <span>{edge.source}</span>,
  },
  {
    key: "source-software",
    header: "Software",
    width: "minmax(120px, 1fr)",
    sortBy: ({ edge }) => edge.sourceSoftware ?? "",
    render: ({ edge }) => <Software name={edge.sourceSoftware} />,
  },
  {
    key: "destination",
    header: "Destination",
    width: "minmax(120px, 1fr)",
    sortBy: ({ edge }) => edge.destination,
    render: ({ edge }) => <span>{edge.destination}</span>,
  },
  {
    key: "destination-software",
    header: "Software",
    width: "minmax(120px, 1fr)",
    sortBy: ({ edge }) => edge.destinationSoftware ?? "",
    render: ({ edge }) => <Software name={edge.destinationSoftware} />,
  },
  {
    key: "port",
    header: "Port",
    width: "96px",
    sortBy: ({ edge }) => edge.port ?? -1,
    render: ({ edge }) => <span className="rw-mono">{formatPort(edge.proto, edge.port)}</span>,
  },
  {
    key: "rule",
    header: "Rule",
    width: "minmax(140px, 1.3fr)",
    sortBy: ({ edge }) => edge.rule ?? "",
    render: ({ edge }) =>
      edge.rule === null ? <NotKnown>not judged</NotKnown> : <span title={edge.rule}>{edge.rule}</span>,
  },
  {
    key: "count",
    header: "Count",
    width: "86px",
    align: "right",
    sortBy: ({ edge }) => edge.count,
    render: ({ edge }) => formatCount(edge.count),
  },
  {
    key: "bytes",
    header: "Bytes",
    width: "92px",
    align: "right",
    sortBy: ({ edge }) => edge.bytesOut + edge.bytesIn,
    render: ({ edge }) => formatBytes(edge.bytesOut + edge.bytesIn),
  },
  {
    key: "last",
    header: "Last seen",
    width: "108px",
    sortBy: ({ edge }) => edge.lastSeen,
    render: ({ edge }) => <Age time={edge.lastSeen} />,
  },
];

function Software({ name }: { readonly name: string | null }) {
  return name === null ? <NotKnown>not known</NotKnown> : <span title={name}>{name}</span>;
}
