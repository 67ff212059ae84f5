import type { ProcessIdentity } from "@ringwall/model";
import { isSigned } from "./software-group.ts";

/** What was seen of one program identity. */
export type Sighting = {
  readonly identity: ProcessIdentity;
  /** Workload → first and last time it was seen there, milliseconds since 1970. */
  readonly spans: ReadonlyMap<string, { readonly firstMs: number; readonly lastMs: number }>;
};

export type Lineage = {
  /** Identities that are one software: the same place, and content that something vouches for. */
  readonly accepted: readonly ProcessIdentity[];
  /** Content at the same place that nothing vouches for, each with the reason. */
  readonly suspect: readonly { readonly identity: ProcessIdentity; readonly why: string }[];
};

/** Independent hosts that must carry a new content before it counts as the successor without a package's word. */
const SUCCESSOR_HOSTS_MIN = 2;

/**
 * Splits what was seen at one place (path and script) into one software and the rest. Content is accepted when its
 * package's signature covers it, when it is the first and most common there, or when several hosts changed over to it
 * and none went back. A single host with other content is what a replaced binary looks like.
 */
export function traceLineage(sightings: readonly Sighting[]): Lineage {
  const sorted = [...sightings].sort(byWeight);
  const accepted: Sighting[] = [];
  const suspect: { identity: ProcessIdentity; why: string }[] = [];
  for (const sighting of sorted) {
    const why = accepted.length === 0 || isSigned(sighting.identity) ? null : objection(sighting, accepted);
    if (why === null) accepted.push(sighting);
    else suspect.push({ identity: sighting.identity, why });
  }
  return { accepted: accepted.map((sighting) => sighting.identity), suspect };
}

function byWeight(a: Sighting, b: Sighting): number {
  const signed = Number(isSigned(b.identity)) - Number(isSigned(a.identity));
  if (signed !== 0) return signed;
  return b.spans.size - a.spans.size || firstOf(a) - firstOf(b) || (digestOf(a) < digestOf(b) ? -1 : 1);
}

function firstOf(sighting: Sighting): number {
  return Math.min(...[...sighting.spans.values()].map((span) => span.firstMs));
}

function digestOf({ identity }: Sighting): string {
  return `${identity.exeSha256}${identity.scriptSha256}`;
}

function objection(newer: Sighting, accepted: readonly Sighting[]): string | null {
  if (newer.identity.exeSha256 === null && newer.identity.scriptSha256 === null) return null;
  if (newer.spans.size < SUCCESSOR_HOSTS_MIN) {
    return `other content at \`${newer.identity.script ?? newer.identity.exe}\` on one host only, and no package vouches for it`;
  }
  for (const older of accepted) {
    for (const [workload, span] of newer.spans) {
      const before = older.spans.get(workload);
      if (before !== undefined && before.firstMs < span.lastMs && span.firstMs < before.lastMs) {
        return `two contents of \`${newer.identity.script ?? newer.identity.exe}\` ran side by side on \`${workload}\``;
      }
    }
  }
  return null;
}
