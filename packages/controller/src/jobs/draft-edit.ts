import type { Resource } from "@ringwall/model";
import { resourcesOf } from "@ringwall/policy";
import type { DraftFile } from "../store/state/tables.ts";
import { parseDraft } from "./draft.ts";

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
  before: readonly DraftFile[],
  after: readonly DraftFile[],
  revision: number,
): DraftEdit {
  const [was, is] = [resourcesByName(before), resourcesByName(after)];
  const names = (list: ReadonlyMap<string, string>, wanted: (name: string) => boolean) =>
    limited([...list.keys()].filter(wanted).sort());
  return {
    revision,
    added: names(is, (name) => !was.has(name)),
    changed: names(is, (name) => was.has(name) && was.get(name) !== is.get(name)),
    removed: names(was, (name) => !is.has(name)),
  };
}

/** A draft that an older version took and this one doesn't has none. */
function resourcesByName(files: readonly DraftFile[]): ReadonlyMap<string, string> {
  const parsed = parseDraft(files);
  const nameOf = ({ kind, metadata }: Resource) => `${kind}/${metadata.name}`;
  return new Map(parsed.ok ? resourcesOf(parsed.value).map((one) => [nameOf(one), JSON.stringify(one)]) : []);
}

function limited(names: readonly string[]): readonly string[] {
  if (names.length <= EDIT_NAMES_MAX) return names;
  return [...names.slice(0, EDIT_NAMES_MAX), `and ${names.length - EDIT_NAMES_MAX} more`];
}
