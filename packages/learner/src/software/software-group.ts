import type { ProcessIdentity, Software, SoftwareEntry } from "@ringwall/model";
import { API_VERSION } from "@ringwall/model";
import type { Trust } from "../knowledge/programs.ts";

/** One software: all program identities that are the same thing to a person. */
export type SoftwareGroup = {
  readonly id: number;
  readonly name: string;
  readonly trust: Trust;
  readonly identities: readonly ProcessIdentity[];
  /** The records named it themselves, so no document is written for it. */
  readonly named: boolean;
  /** Set where its content differs from the known one at the same path and nothing vouches for it. */
  readonly suspect: string | null;
};

/** The document of one software, as a person would write it; what vouches for it decides how it is recognised. */
export function softwareDocument(group: SoftwareGroup): Software {
  const entries = new Map<string, SoftwareEntry>();
  for (const entry of merged(group.identities)) entries.set(JSON.stringify(entry), entry);
  const signed = group.identities.every((identity) => isSigned(identity));
  return {
    apiVersion: API_VERSION,
    kind: "Software",
    metadata: { name: group.name },
    spec: { anyOf: [...entries.values()], upgrades: signed ? "signed" : "pinned" },
  };
}

export function isSigned(identity: ProcessIdentity): boolean {
  return (
    identity.package !== null && (identity.evidence === "deb-repo" || identity.evidence === "rpm-signed")
  );
}

/** One entry per place, with all digests seen there. */
function merged(identities: readonly ProcessIdentity[]): readonly SoftwareEntry[] {
  const places = Map.groupBy(identities, (identity) =>
    [
      identity.exe,
      identity.script,
      isSigned(identity) ? identity.package : "",
      identity.environment.join(),
      identity.unattributable,
    ].join("\t"),
  );
  return [...places.values()].map(entryOf);
}

function entryOf(identities: readonly ProcessIdentity[]): SoftwareEntry {
  const [first] = identities;
  if (first === undefined) throw new Error("bug: a place without identities");
  const digests = distinct(identities.map((identity) => identity.exeSha256));
  const scriptDigests = distinct(identities.map((identity) => identity.scriptSha256));
  const executable =
    isSigned(first) && first.package !== null
      ? { package: first.package, path: first.exe }
      : { path: first.exe, ...(digests.length === 0 ? {} : { sha256: digests }) };
  return {
    executable,
    ...(first.script === null
      ? {}
      : { script: { path: first.script, ...(scriptDigests.length === 0 ? {} : { sha256: scriptDigests }) } }),
    ...(first.environment.length === 0 ? {} : { environment: [...first.environment] }),
    ...(first.unattributable === null ? {} : { unattributable: [first.unattributable] }),
  };
}

function distinct(values: readonly (string | null)[]): string[] {
  return [...new Set(values.filter((value) => value !== null))].sort();
}
