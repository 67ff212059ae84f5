import { labels as labelsSchema, name as nameSchema } from "@ringwall/model";
import type { ContainerFacts } from "../identify/containers.ts";
import type { FoundContainer } from "./find-containers.ts";

/** Digits of an id that stand for a container whose engine tells no name. */
const ID_SHOWN = 12;
/** Labels of a container that become the workload's: `ringwall.app=crm` is `app: crm`. */
const LABEL_PREFIX = "ringwall.";

/** What a container is called and labelled as a workload of its host. */
export type CarriedWorkload = { readonly name: string; readonly labels: Readonly<Record<string, string>> };

/**
 * `HOST/CONTAINER`, or `HOST/NAMESPACE/POD` for a pod. Labels are what the container's own `ringwall.` labels say, and
 * always `carrier`, `container` or `namespace` and `pod`, which no label of the container overrides. Pure.
 */
export function describeWorkload(
  host: string,
  found: FoundContainer,
  facts: ContainerFacts | undefined,
): CarriedWorkload {
  const own = Object.entries(facts?.labels ?? {}).flatMap(([key, value]) =>
    key.startsWith(LABEL_PREFIX) ? [[key.slice(LABEL_PREFIX.length), value] as const] : [],
  );
  const pod = found.kind === "pod" ? facts?.pod : undefined;
  const plain = clean(facts?.name ?? found.id.slice(0, ID_SHOWN));
  const name = pod == null ? `${host}/${plain}` : `${host}/${clean(pod.namespace)}/${clean(pod.name)}`;
  const kind = pod == null ? { container: plain } : { namespace: clean(pod.namespace), pod: clean(pod.name) };
  const labels = { ...Object.fromEntries(own), ...kind, carrier: host };
  const fallback = `${host}/${found.id.slice(0, ID_SHOWN)}`;
  return {
    name: nameSchema.safeParse(name).success ? name : fallback,
    labels: Object.fromEntries(
      Object.entries(labels).filter(([key, value]) => labelsSchema.safeParse({ [key]: value }).success),
    ),
  };
}

/** What names may not hold becomes `-`. */
function clean(text: string): string {
  const name = text.replace(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return name === "" ? "unnamed" : name;
}
