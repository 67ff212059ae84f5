import type { Resource } from "@ringwall/model";

/** Resources that the audit names for each of added, changed and removed; more are counted. */
export const EDIT_NAMES_MAX = 50;

/** What an edit of the draft did, for the audit: resources as `Kind/name`, and the revision that it is based on. */
export type DraftEdit = {
  readonly revision: number;
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
};

export function draftEdit(
  before: readonly Resource[],
  after: readonly Resource[],
  revision: number,
): DraftEdit {
  const [was, is] = [textByName(before), textByName(after)];
  const names = (list: ReadonlyMap<string, string>, wanted: (name: string) => boolean) =>
    limited([...list.keys()].filter(wanted).sort());
  return {
    revision,
    added: names(is, (name) => !was.has(name)),
    changed: names(is, (name) => was.has(name) && was.get(name) !== is.get(name)),
    removed: names(was, (name) => !is.has(name)),
  };
}

function textByName(resources: readonly Resource[]): ReadonlyMap<string, string> {
  return new Map(resources.map((one) => [`${one.kind}/${one.metadata.name}`, JSON.stringify(one)]));
}

function limited(names: readonly string[]): readonly string[] {
  if (names.length <= EDIT_NAMES_MAX) return names;
  return [...names.slice(0, EDIT_NAMES_MAX), `and ${names.length - EDIT_NAMES_MAX} more`];
}
