import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { softwareQuery } from "../api/queries.ts";
import type { SoftwareView } from "../api/types.ts";
import { SearchField } from "../forms/SearchField.tsx";
import { Age } from "../ui/Age.tsx";
import { NotKnown, ProvenanceBadge } from "../ui/badges.tsx";
import { type Column, DataTable } from "../ui/DataTable.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { PageHeader } from "../ui/PageHeader.tsx";
import { formatCount } from "../util/format.ts";
import { includesText } from "../util/includes-text.ts";
import { pb } from "../util/path-builder.ts";

const route = getRouteApi("/software");
/** Digits of a digest that tell files apart by eye; the tooltip has all 64. */
const DIGEST_SHOWN = 12;

const columns: readonly Column<SoftwareView>[] = [
  {
    key: "name",
    header: "Software",
    width: "minmax(150px, 1fr)",
    sortBy: (software) => software.name,
    render: (software) => (
      <Link {...pb.map({ q: software.name })} className="rw-link" title={software.name}>
        {software.name}
      </Link>
    ),
  },
  {
    key: "named",
    header: "Named",
    width: "84px",
    sortBy: (software) => String(software.named),
    render: (software) => (software.named ? "yes" : <NotKnown>not yet</NotKnown>),
  },
  {
    key: "provenance",
    header: "Provenance",
    width: "108px",
    sortBy: (software) => software.provenance,
    render: (software) => <ProvenanceBadge provenance={software.provenance} />,
  },
  {
    key: "exe",
    header: "Executable",
    width: "minmax(190px, 1.3fr)",
    sortBy: (software) => software.exe,
    render: (software) => (
      <span className="rw-mono" title={software.exe}>
        {software.exe}
      </span>
    ),
  },
  {
    key: "sha256",
    header: "SHA-256",
    width: "116px",
    render: (software) => <Digest digest={software.exeSha256} />,
  },
  {
    key: "script",
    header: "Script",
    width: "minmax(150px, 1fr)",
    sortBy: (software) => software.script ?? software.unattributable ?? "",
    render: (software) => <Script software={software} />,
  },
  {
    key: "package",
    header: "Package",
    width: "minmax(110px, 0.7fr)",
    sortBy: (software) => software.package ?? "",
    render: (software) =>
      software.package === null ? <NotKnown>none</NotKnown> : <span>{software.package}</span>,
  },
  {
    key: "users",
    header: "Users",
    width: "100px",
    render: (software) => <span title={software.users.join("\n")}>{software.users.join(", ")}</span>,
  },
  {
    key: "workloads",
    header: "Workloads",
    width: "minmax(110px, 0.8fr)",
    sortBy: (software) => software.workloads.length,
    render: (software) => (
      <span title={software.workloads.join("\n")}>{software.workloads.slice(0, 20).join(", ")}</span>
    ),
  },
  {
    key: "seen",
    header: "First seen",
    width: "100px",
    sortBy: (software) => software.firstSeen,
    render: (software) => <Age time={software.firstSeen} />,
  },
];

export function SoftwarePage() {
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const { data } = useSuspenseQuery(softwareQuery);
  const { software, truncated } = data;
  const shown = software.filter((item) =>
    includesText(q, [item.name, item.exe, item.script, item.package, item.provenance, ...item.workloads]),
  );
  return (
    <>
      <PageHeader
        title="Software"
        note={`${formatCount(shown.length)}${truncated ? " of those seen last" : ""}`}
      >
        <SearchField
          label="Name, path, package, provenance"
          value={q}
          onChange={(value) => navigate({ ...pb.software({ q: value }), replace: true })}
        />
      </PageHeader>
      {software.length === 0 ? (
        <EmptyState title="No software seen yet" command="ringwall status">
          Programs appear here the first time they run or talk on a host with an agent, with where they come
          from: signed by a package, known by hash only, or unknown.
        </EmptyState>
      ) : (
        <DataTable label="Software" columns={columns} rows={shown} rowKey={programKey} />
      )}
    </>
  );
}

/** Programs of one name differ in what they are made of. */
function programKey(software: SoftwareView): string {
  const { name, exe, exeSha256, script, scriptSha256, unattributable } = software;
  return [name, exe, exeSha256, script, scriptSha256, unattributable].join(" ");
}

function Digest({ digest }: { readonly digest: string | null }) {
  if (digest === null) return <NotKnown>not known</NotKnown>;
  return (
    <span className="rw-mono" title={digest}>
      {digest.slice(0, DIGEST_SHOWN)}
    </span>
  );
}

function Script({ software }: { readonly software: SoftwareView }) {
  const { script, scriptSha256, unattributable } = software;
  if (script !== null) {
    return (
      <span className="rw-mono" title={`${script}\n${scriptSha256 ?? "digest not known"}`}>
        {script}
      </span>
    );
  }
  return unattributable === null ? null : <NotKnown>{`code from ${unattributable}`}</NotKnown>;
}
