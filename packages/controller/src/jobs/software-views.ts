import type { ProcessIdentity } from "@ringwall/model";
import type { SoftwareView } from "@ringwall/protocol/rest";
import type { FlowStore } from "../store/flows/flow-store.ts";
import type { ProcessId } from "../store/flows/process.ts";
import type { SoftwareName } from "./software-names.ts";

type Sighting = {
  readonly process: ProcessId;
  readonly workload: string;
  readonly first_ms: number;
  readonly last_ms: number;
};

/** Programs listed; the newest first. */
export const SOFTWARE_LISTED_MAX = 20_000;

const SIGHTINGS_SQL = `
SELECT toString(process) AS process, workload,
  toUnixTimestamp64Milli(min(first)) AS first_ms, toUnixTimestamp64Milli(max(last)) AS last_ms
FROM ringwall.sightings GROUP BY process, workload ORDER BY last_ms DESC`;

/** Every program seen, by what it is (not by who ran it), with its provenance. */
export async function loadSoftware(
  store: FlowStore,
  nameOf: (identity: ProcessIdentity) => SoftwareName,
): Promise<SoftwareView[]> {
  const programs = new Map<string, SoftwareView>();
  for (const sighting of await store.engine.query<Sighting>(SIGHTINGS_SQL)) {
    const identity = store.processes.get(sighting.process);
    if (identity === null) continue;
    const key = JSON.stringify([
      identity.exe,
      identity.exeSha256,
      identity.script,
      identity.scriptSha256,
      identity.unattributable,
    ]);
    programs.set(key, merge(programs.get(key), identity, sighting, nameOf(identity)));
    if (programs.size >= SOFTWARE_LISTED_MAX) break;
  }
  return [...programs.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function merge(
  before: SoftwareView | undefined,
  identity: ProcessIdentity,
  sighting: Sighting,
  name: SoftwareName,
): SoftwareView {
  const first = new Date(sighting.first_ms).toISOString();
  const last = new Date(sighting.last_ms).toISOString();
  return {
    ...name,
    exe: identity.exe,
    exeSha256: identity.exeSha256,
    script: identity.script,
    scriptSha256: identity.scriptSha256,
    unattributable: identity.unattributable,
    package: identity.package,
    provenance: provenanceOf(identity),
    users: united(before?.users, identity.user),
    workloads: united(before?.workloads, sighting.workload),
    firstSeen: before !== undefined && before.firstSeen < first ? before.firstSeen : first,
    lastSeen: before !== undefined && before.lastSeen > last ? before.lastSeen : last,
  };
}

/** Signed: the digest leads to a signature. A manifest without one is a hash and no more. */
export function provenanceOf(identity: ProcessIdentity): SoftwareView["provenance"] {
  if (identity.exeSha256 === null) return "unknown";
  return identity.evidence === "rpm-signed" || identity.evidence === "deb-repo" ? "signed" : "hash-only";
}

function united(before: readonly string[] | undefined, one: string | null): string[] {
  return [...new Set([...(before ?? []), ...(one === null ? [] : [one])])].sort();
}
