import type { ProcessIdentity, Resource } from "@ringwall/model";
import type { DriftResult } from "../drift/drift.ts";
import { recognise } from "../drift/known-software.ts";
import type { Edge } from "../edge.ts";
import type { Edit } from "./edits.ts";

/** Digests of upgrades that something vouches for, where the document lists digests. */
export function digestEdits(
  { drifted }: DriftResult,
  resources: readonly Resource[],
  edges: readonly Edge[],
): readonly Edit[] {
  const upgraded = new Map(
    drifted.flatMap(({ upgraded = [], words }) => upgraded.map((name) => [name, words] as const)),
  );
  if (upgraded.size === 0) return [];
  const documents = resources.filter((one) => one.kind === "Software");
  const edits = new Map<string, Edit>();
  for (const edge of edges) {
    for (const { process } of [edge.src, edge.dst]) {
      const found = process === null ? null : recognise(process, documents);
      const why = found?.kind === "changed" ? upgraded.get(found.software) : undefined;
      if (process === null || found?.kind !== "changed" || why === undefined) continue;
      const content = contentOf(process);
      if (content === null) continue;
      edits.set(`${found.software} ${content.sha256}`, {
        kind: "add-digest",
        software: found.software,
        ...content,
        why,
      });
    }
  }
  return [...edits.values()].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** The script's content where there is one: that is what changed, not its interpreter. */
function contentOf({
  exe,
  exeSha256,
  script,
  scriptSha256,
}: ProcessIdentity): { readonly path: string; readonly sha256: string } | null {
  const [path, sha256] = script !== null && scriptSha256 !== null ? [script, scriptSha256] : [exe, exeSha256];
  return path === null || sha256 === null ? null : { path, sha256 };
}
