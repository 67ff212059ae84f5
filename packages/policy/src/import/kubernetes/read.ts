import type { Problem } from "@ringwall/model";
import type { z } from "zod";
import { readYaml } from "../../syntax/read-yaml.ts";
import { schemaProblems } from "../../syntax/schema-problems.ts";
import type { Source } from "../../syntax/source.ts";
import {
  controller,
  cronJob,
  type MetadataObject,
  type NamespaceObject,
  type NetworkPolicyObject,
  namespace,
  networkPolicy,
  type PodObject,
  pod,
  type TemplateObject,
} from "./objects.ts";

/** What the manifests hold, by kind; a controller stands for its pods. */
export type Manifests = {
  readonly namespaces: NamespaceObject[];
  readonly pods: PodObject[];
  readonly controllers: { readonly metadata: MetadataObject; readonly template: TemplateObject }[];
  readonly policies: NetworkPolicyObject[];
};

/** Reads manifests; `List` and `…List` objects are opened. Kinds that say nothing about who may talk to whom are passed over. */
export function readManifests(
  files: readonly { readonly file: string; readonly text: string }[],
  problems: Problem[],
): Manifests {
  const found: Manifests = { namespaces: [], pods: [], controllers: [], policies: [] };
  for (const { file, text } of files)
    for (const { source, value } of readYaml(file, text, problems)) take(found, source, value, problems);
  return found;
}

function take(found: Manifests, source: Source, value: unknown, problems: Problem[]): void {
  if (typeof value !== "object" || value === null) return;
  const { kind, items } = value as { kind?: unknown; items?: unknown }; // any object may be asked for a key
  if (typeof kind === "string" && kind.endsWith("List") && Array.isArray(items)) {
    // Items of a typed list may leave their kind out.
    const each = kind === "List" ? undefined : kind.slice(0, -"List".length);
    for (const item of items)
      take(found, source, each === undefined ? item : { kind: each, ...item }, problems);
    return;
  }
  const read = <T>(schema: z.ZodType<T>): T | undefined => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    problems.push(...schemaProblems({ schema, value, source }, parsed.error.issues));
    return undefined;
  };
  if (kind === "NetworkPolicy") push(found.policies, read(networkPolicy));
  else if (kind === "Namespace") push(found.namespaces, read(namespace));
  else if (kind === "Pod") push(found.pods, read(pod));
  else if (kind === "CronJob") {
    const one = read(cronJob);
    push(found.controllers, one && { metadata: one.metadata, template: one.spec.jobTemplate.spec.template });
  } else if (controller.shape.kind.safeParse(kind).success) {
    const one = read(controller);
    push(found.controllers, one && { metadata: one.metadata, template: one.spec.template });
  }
}

function push<T>(list: T[], value: T | undefined): void {
  if (value !== undefined) list.push(value);
}
