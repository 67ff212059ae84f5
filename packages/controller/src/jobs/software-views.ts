import type { ProcessIdentity } from "@ringwall/model";
import type { SoftwareReply, SoftwareView } from "@ringwall/protocol/rest";
import type { FlowStore } from "../store/flows/flow-store.ts";
import type { ProcessId } from "../store/flows/process.ts";
import type { SoftwareName } from "./software-names.ts";

/** Programs listed, and sightings (a program of one user on one workload) that they are made from; the newest first. */
const LIMITS = { programs: 20_000, sightings: 500_000 } as const;

type Row = {
  /** The one seen last. */
  readonly process: ProcessId;
  readonly workloads: readonly string[];
  readonly users: readonly string[];
  readonly first_ms: number;
  readonly last_ms: number;
  /** Sightings there are, of all programs. */
  readonly sightings: number;
};

const PROGRAM = "exe, exe_sha256, script, script_sha256, unattributable";
const PROGRAMS_SQL = `
SELECT toString(argMax(process, last)) AS process, arraySort(groupUniqArray(workload)) AS workloads,
  arraySort(groupUniqArrayIf(user, user != '')) AS users,
  toUnixTimestamp64Milli(min(first)) AS first_ms, toUnixTimestamp64Milli(max(last)) AS last_ms,
  (SELECT uniqExact(process, workload) FROM ringwall.sightings) AS sightings
FROM (
  SELECT process, workload, min(first) AS first, max(last) AS last
  FROM ringwall.sightings GROUP BY process, workload
  ORDER BY last DESC, process, workload LIMIT {sightings:UInt32}
) AS seen
INNER JOIN (SELECT id, user, ${PROGRAM} FROM ringwall.processes LIMIT 1 BY id) AS known ON seen.process = known.id
GROUP BY ${PROGRAM} ORDER BY last_ms DESC, ${PROGRAM} LIMIT {programs:UInt32}`;

/** Every program seen, by what it is (not by who ran it), with its provenance. */
export async function loadSoftware(
  store: FlowStore,
  nameOf: (identity: ProcessIdentity) => SoftwareName,
  limits: { readonly programs: number; readonly sightings: number } = LIMITS,
): Promise<SoftwareReply> {
  const rows = await store.engine.query<Row>(PROGRAMS_SQL, { ...limits, programs: limits.programs + 1 });
  const software = rows.slice(0, limits.programs).flatMap((row) => {
    const identity = store.processes.get(row.process);
    return identity === null ? [] : [viewOf(row, identity, nameOf(identity))];
  });
  software.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const truncated = rows.length > limits.programs || (rows[0]?.sightings ?? 0) > limits.sightings;
  return { software, truncated };
}

function viewOf(row: Row, identity: ProcessIdentity, name: SoftwareName): SoftwareView {
  return {
    ...name,
    exe: identity.exe,
    exeSha256: identity.exeSha256,
    script: identity.script,
    scriptSha256: identity.scriptSha256,
    unattributable: identity.unattributable,
    package: identity.package,
    provenance: provenanceOf(identity),
    users: [...row.users],
    workloads: [...row.workloads],
    firstSeen: new Date(row.first_ms).toISOString(),
    lastSeen: new Date(row.last_ms).toISOString(),
  };
}

/** Signed: the digest leads to a signature. A manifest without one is a hash and no more. */
export function provenanceOf(identity: ProcessIdentity): SoftwareView["provenance"] {
  if (identity.exeSha256 === null) return "unknown";
  return identity.evidence === "rpm-signed" || identity.evidence === "deb-repo" ? "signed" : "hash-only";
}
