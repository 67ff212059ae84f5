import type { ProcessIdentity } from "@ringwall/model";
import type { Edge, EdgeEnd } from "../edge.ts";
import type { Exec } from "../exec.ts";
import { processKey } from "../input/edges-of-flows.ts";
import { baseName, type Trust, trustOf } from "../knowledge/programs.ts";
import { uniqueName } from "../names.ts";
import { type Sighting, traceLineage } from "./lineage.ts";
import type { SoftwareGroup } from "./software-group.ts";

/** Which software each program identity belongs to. */
export type SoftwareIndex = {
  readonly groups: readonly SoftwareGroup[];
  /** The group's id of an end's program; -1 where it is not known. */
  readonly of: (end: EdgeEnd) => number;
};

type Draft = { readonly identities: readonly ProcessIdentity[]; readonly suspect: string | null };

/** Groups everything that was seen running into software, and gives each a name that people would use. */
export function nameSoftware(
  edges: readonly Edge[],
  taken: Set<string>,
  execs: readonly Exec[] = [],
): SoftwareIndex {
  const { sightings, names } = gather(edges, execs);
  const places = Map.groupBy(sightings, ({ identity }) => placeOf(identity));
  const drafts: Draft[] = [];
  for (const place of [...places.keys()].sort()) {
    const lineage = traceLineage(places.get(place) ?? []);
    for (const identities of lineage.accepted) drafts.push({ identities, suspect: null });
    for (const { identity, why } of lineage.suspect) drafts.push({ identities: [identity], suspect: why });
  }
  const groups: SoftwareGroup[] = [...names].sort().map((name, id) => referenced(name, id));
  for (const name of names) taken.add(name);
  for (const draft of drafts) groups.push(groupOf(draft, groups.length, taken));
  return { groups, of: lookup(groups) };
}

function gather(
  edges: readonly Edge[],
  execs: readonly Exec[],
): { sightings: readonly Sighting[]; names: ReadonlySet<string> } {
  const seen = new Map<
    string,
    { identity: ProcessIdentity; spans: Map<string, { firstMs: number; lastMs: number }> }
  >();
  const names = new Set<string>();
  const note = (identity: ProcessIdentity, host: string, firstMs: number, lastMs: number): void => {
    const key = processKey(identity);
    const sighting = seen.get(key) ?? { identity, spans: new Map() };
    seen.set(key, sighting);
    const span = sighting.spans.get(host);
    sighting.spans.set(host, {
      firstMs: Math.min(firstMs, span?.firstMs ?? firstMs),
      lastMs: Math.max(lastMs, span?.lastMs ?? lastMs),
    });
  };
  for (const { src, dst, firstMs, lastMs } of edges) {
    for (const end of [src, dst]) {
      if (end.process !== null) note(end.process, end.workload ?? end.ip ?? "", firstMs, lastMs);
      else if (end.software != null) names.add(end.software);
    }
  }
  for (const { workload, process, firstMs, lastMs } of execs) note(process, workload, firstMs, lastMs);
  return { sightings: [...seen.values()], names };
}

function placeOf(identity: ProcessIdentity): string {
  return [
    identity.exe,
    identity.script ?? "",
    identity.unattributable ?? "",
    identity.environment.join(),
  ].join("\t");
}

function groupOf(draft: Draft, id: number, taken: Set<string>): SoftwareGroup {
  const [first] = draft.identities;
  if (first === undefined) throw new Error("bug: a software without identities");
  const name = uniqueName(namesOf(first), taken);
  const weakest: Trust = draft.suspect !== null ? "low" : injects(first) ? "low" : trustOf(first);
  return { id, name, trust: weakest, identities: draft.identities, named: false, suspect: draft.suspect };
}

/** A library or module path that anybody may write to makes any program anybody's. */
function injects(identity: ProcessIdentity): boolean {
  return identity.environment.some((variable) => /[=:]\/(?:tmp|var\/tmp|dev\/shm|home)\//.test(variable));
}

function referenced(name: string, id: number): SoftwareGroup {
  return { id, name, trust: "installed", identities: [], named: true, suspect: null };
}

/** Candidate names, best first: the script's or program's own, then with its folder before it. */
function namesOf(identity: ProcessIdentity): readonly string[] {
  const path = identity.script ?? identity.exe;
  const own = stem(baseName(path));
  const base = identity.unattributable === null ? own : `${own}-${identity.unattributable}`;
  const folders = path.split("/").slice(1, -1).reverse();
  const qualified = folders
    .filter((folder) => !/^(?:bin|sbin|lib|libexec|usr|src|app|dist|opt|local)$/.test(folder))
    .map((folder) => `${folder.toLowerCase()}-${base}`);
  return [base, ...qualified.slice(0, 2)];
}

function stem(file: string): string {
  return file.toLowerCase().replace(/\.(?:exe|py|pyc|m?js|cjs|ts|sh|rb|pl|php|jar|bin)$/, "");
}

function lookup(groups: readonly SoftwareGroup[]): (end: EdgeEnd) => number {
  const byKey = new Map<string, number>();
  const byName = new Map<string, number>();
  const byIdentity = new Map<ProcessIdentity, number>();
  for (const group of groups) {
    if (group.named) byName.set(group.name, group.id);
    for (const identity of group.identities) byKey.set(processKey(identity), group.id);
  }
  return (end) => {
    if (end.process === null) return end.software == null ? -1 : (byName.get(end.software) ?? -1);
    const cached = byIdentity.get(end.process);
    if (cached !== undefined) return cached;
    const id = byKey.get(processKey(end.process)) ?? -1;
    byIdentity.set(end.process, id);
    return id;
  };
}
