import { isDeepStrictEqual } from "node:util";
import { fail, type Mode, ok, type Resource, type Result, type Segment } from "@ringwall/model";
import { parsePolicy, policySetOf, resourcesOf } from "@ringwall/policy";
import { isMap, parseAllDocuments } from "yaml";
import { type Refusal, refusal } from "../refusal.ts";
import type { DraftFile } from "../store/state/tables.ts";

/** The file a draft is kept in when it came from no file of people's. */
export const DRAFT_FILE = "policy.yaml";
export const DRAFT_FILES_MAX = 10_000;

/** The draft's text as resources; all problems at once, with the places in the user's own files. */
export function parseDraft(files: readonly DraftFile[]): Result<readonly Resource[], Refusal> {
  const parsed = parsePolicy(files);
  if (parsed.ok) return ok(resourcesOf(parsed.value));
  return fail(
    refusal(422, "draft-broken", "the policy's text has problems, so that nothing of it was taken over", {
      problems: parsed.error,
      fix: "put right what the problems name; `ringwall check DIR` shows them without a controller",
    }),
  );
}

/** A draft that an older version took and this one doesn't has none. */
export function resourcesOfDraft(parsed: Result<readonly Resource[], Refusal>): readonly Resource[] {
  return parsed.ok ? parsed.value : [];
}

export function textOf(files: readonly DraftFile[]): string {
  return files
    .map((one) => one.text.trimEnd())
    .filter((text) => text !== "")
    .join("\n---\n")
    .concat("\n");
}

/** Whether it is the same draft, byte for byte. */
export function sameFiles(a: readonly DraftFile[], b: readonly DraftFile[]): boolean {
  return (
    a.length === b.length && a.every(({ file, text }, at) => file === b[at]?.file && text === b[at]?.text)
  );
}

/** Whether two lists of resources say the same, whatever their order. */
export function sameResources(a: readonly Resource[], b: readonly Resource[]): boolean {
  const sorted = (resources: readonly Resource[]) => resourcesOf(policySetOf(resources));
  return isDeepStrictEqual(sorted(a), sorted(b));
}

export type Directions = readonly ("inbound" | "outbound" | "processes")[];

/** The segment with another mode in all the directions it governs, or in some. */
export function withMode(segment: Segment, mode: Mode, directions: Directions | undefined): Segment {
  const { mode: _, modes: __, ...spec } = segment.spec;
  const governed = modesOf(segment);
  const wanted = directions ?? (Object.keys(governed) as Directions);
  const changed = { ...governed, ...Object.fromEntries(wanted.map((direction) => [direction, mode])) };
  return { ...segment, spec: { ...spec, modes: changed } };
}

/** A segment's modes by direction; a direction that it does not govern is absent. */
export function modesOf({ spec: { mode, modes } }: Segment): NonNullable<Segment["spec"]["modes"]> {
  return mode === undefined ? { ...modes } : { inbound: mode, outbound: mode, processes: mode };
}

/** The same change in the draft's text: only that segment's `modes` are written anew, comments elsewhere stay. */
export function draftWithMode(files: readonly DraftFile[], segment: Segment): readonly DraftFile[] {
  return files.map(({ file, text }) => {
    const documents = parseAllDocuments(text, { version: "1.2" });
    if (!Array.isArray(documents)) return { file, text };
    const target = documents.find(
      (one) =>
        isMap(one.contents) &&
        one.get("kind") === "Segment" &&
        one.getIn(["metadata", "name"]) === segment.metadata.name,
    );
    if (target === undefined) return { file, text };
    target.deleteIn(["spec", "mode"]);
    target.setIn(["spec", "modes"], target.createNode({ ...segment.spec.modes }));
    return { file, text: documents.map(String).join("") };
  });
}
