import type { Resource, Rule } from "@ringwall/model";

/** All (source, destination, port, program path) tuples between workloads that a learned policy permits. */
export function permittedTuples(
  resources: readonly Resource[],
  members: ReadonlyMap<string, readonly string[]>,
): ReadonlySet<string> {
  const paths = new Map<string, string>();
  for (const resource of resources) {
    if (resource.kind !== "Software") continue;
    const [entry] = resource.spec.anyOf;
    paths.set(resource.metadata.name, entry?.script?.path ?? entry?.executable?.path ?? "");
  }
  const tuples = new Set<string>();
  for (const resource of resources) {
    if (resource.kind !== "Policy") continue;
    for (const rule of resource.spec.rules) expand(rule, members, paths, tuples);
  }
  return tuples;
}

function expand(
  rule: Rule,
  members: ReadonlyMap<string, readonly string[]>,
  paths: ReadonlyMap<string, string>,
  into: Set<string>,
): void {
  // A rule for the destination alone permits nothing that its sibling for the source does not.
  if (!("allow" in rule) || rule.allow.at === "destination") return;
  const { from, to, ports } = rule.allow;
  const hosts = (end: typeof from): readonly string[] => {
    if (end?.labels !== undefined) return [...members.values()].flat();
    return listOf(end?.segment).flatMap((segment) => members.get(segment) ?? []);
  };
  const software = from?.software;
  const programs = typeof software === "string" || Array.isArray(software) ? listOf(software) : ["any"];
  for (const src of hosts(from)) {
    for (const dst of hosts(to)) {
      if (src === dst) continue;
      for (const port of ports ?? ["any"]) {
        for (const program of programs) into.add([src, dst, port, paths.get(program) ?? program].join("\t"));
      }
    }
  }
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}
