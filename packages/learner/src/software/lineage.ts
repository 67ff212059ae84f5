import type { ProcessIdentity } from "@ringwall/model";
import { isSigned } from "./software-group.ts";

/** When a program was seen on a host, milliseconds since 1970. */
export type Span = { readonly firstMs: number; readonly lastMs: number };

/** What was seen of one program identity. */
export type Sighting = { readonly identity: ProcessIdentity; readonly spans: ReadonlyMap<string, Span> };

export type Lineage = {
  /** Each list is one software: contents of the same place that succeeded each other or that a package vouches for. */
  readonly accepted: readonly (readonly ProcessIdentity[])[];
  /** Content that replaced another on the same host with nothing to vouch for it, each with the reason. */
  readonly suspect: readonly { readonly identity: ProcessIdentity; readonly why: string }[];
};

/** Independent hosts that must change over to a new content before it counts as the successor without a package's word. */
const SUCCESSOR_HOSTS_MIN = 2;

/**
 * Sorts what was seen at one place (path and script) into software. A package's signature makes its contents one
 * software. Without it, content that several hosts changed over to, none going back, is the successor; content that
 * replaced another on a single host is what a tampered binary looks like; and other content on other hosts is simply
 * another software with the same path, as containers have it.
 */
export function traceLineage(sightings: readonly Sighting[]): Lineage {
  const groups: Sighting[][] = [];
  const suspect: { identity: ProcessIdentity; why: string }[] = [];
  for (const sighting of [...sightings].sort(byWeight)) {
    const kin = groups.find((group) =>
      group.some((other) => areOnePackage(other, sighting) || areUnread(other, sighting)),
    );
    const met = kin ?? groups.find((group) => group.some((other) => shareHost(other, sighting)));
    if (met === undefined) groups.push([sighting]);
    else {
      const why = kin === undefined ? objection(sighting, met) : null;
      if (why === null) met.push(sighting);
      else suspect.push({ identity: sighting.identity, why });
    }
  }
  return { accepted: groups.map((group) => group.map(({ identity }) => identity)), suspect };
}

/** Signed first, then what most hosts have, then what was there first. */
function byWeight(a: Sighting, b: Sighting): number {
  const signed = Number(isSigned(b.identity)) - Number(isSigned(a.identity));
  if (signed !== 0) return signed;
  return b.spans.size - a.spans.size || firstOf(a) - firstOf(b) || (digestOf(a) < digestOf(b) ? -1 : 1);
}

function areOnePackage(a: Sighting, b: Sighting): boolean {
  if (!isSigned(a.identity) || !isSigned(b.identity) || a.identity.package !== b.identity.package)
    return false;
  // The package speaks for the interpreter, not for the script.
  return a.identity.scriptSha256 === b.identity.scriptSha256;
}

/** A record without digests can't contradict one that has them. */
function areUnread(a: Sighting, b: Sighting): boolean {
  return [a, b].some(({ identity }) => identity.exeSha256 === null && identity.scriptSha256 === null);
}

function shareHost(a: Sighting, b: Sighting): boolean {
  return [...b.spans.keys()].some((host) => a.spans.has(host));
}

function firstOf(sighting: Sighting): number {
  return Math.min(...[...sighting.spans.values()].map((span) => span.firstMs));
}

function digestOf({ identity }: Sighting): string {
  return `${identity.exeSha256}${identity.scriptSha256}`;
}

function objection(newer: Sighting, known: readonly Sighting[]): string | null {
  const path = newer.identity.script ?? newer.identity.exe;
  let successions = 0;
  for (const [host, span] of newer.spans) {
    const before = known.map((other) => other.spans.get(host)).filter((other) => other !== undefined);
    if (before.some((other) => other.firstMs < span.lastMs && span.firstMs < other.lastMs)) {
      return `two contents of \`${path}\` ran side by side on \`${host}\``;
    }
    if (before.length > 0) successions += 1;
  }
  if (successions >= SUCCESSOR_HOSTS_MIN) return null;
  return `the content of \`${path}\` changed on one host only, and no package vouches for it`;
}
