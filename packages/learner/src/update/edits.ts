import type { Resource, Software } from "@ringwall/model";

/** One change to a document that is there: the smallest that does. */
export type Edit =
  | { readonly kind: "add-member"; readonly segment: string; readonly workload: string; readonly why: string }
  | {
      readonly kind: "add-digest";
      readonly software: string;
      readonly path: string;
      readonly sha256: string;
      readonly why: string;
    };

/** The resources as they will be after the edits. */
export function applyEdits(resources: readonly Resource[], edits: readonly Edit[]): readonly Resource[] {
  return resources.map((resource) => {
    const own = edits.filter((edit) =>
      edit.kind === "add-member"
        ? resource.kind === "Segment" && edit.segment === resource.metadata.name
        : resource.kind === "Software" && edit.software === resource.metadata.name,
    );
    return own.reduce<Resource>(applyEdit, resource);
  });
}

function applyEdit(resource: Resource, edit: Edit): Resource {
  if (resource.kind === "Segment" && edit.kind === "add-member") {
    const listed = resource.spec.workloads["ringwall.dev/name"];
    // A segment by labels takes its replicas by itself, once they are labelled: nothing to edit.
    if (typeof listed !== "string" && !Array.isArray(listed)) return resource;
    const members = [...(typeof listed === "string" ? [listed] : listed), edit.workload.replaceAll("/", ".")];
    return {
      ...resource,
      spec: { ...resource.spec, workloads: { ...resource.spec.workloads, "ringwall.dev/name": members } },
    };
  }
  if (resource.kind === "Software" && edit.kind === "add-digest")
    return withDigest(resource, edit.path, edit.sha256);
  return resource;
}

function withDigest(software: Software, path: string, digest: string): Software {
  const anyOf = software.spec.anyOf.map((entry) => {
    const list = (given: string | readonly string[]): string[] => [
      ...(typeof given === "string" ? [given] : given),
      digest,
    ];
    if (entry.script?.path === path && entry.script.sha256 !== undefined)
      return { ...entry, script: { ...entry.script, sha256: list(entry.script.sha256) } };
    if (entry.executable?.path === path && entry.executable.sha256 !== undefined)
      return { ...entry, executable: { ...entry.executable, sha256: list(entry.executable.sha256) } };
    return entry;
  });
  return { ...software, spec: { ...software.spec, anyOf } };
}
