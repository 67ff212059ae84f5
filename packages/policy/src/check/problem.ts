import type { Problem, Resource } from "@ringwall/model";
import type { PolicySet } from "../policy-set/policy-set.ts";

/** A problem at a value of a resource. */
export function problemAt(
  set: PolicySet,
  resource: Resource,
  path: readonly (string | number)[],
  problem: Omit<Problem, "place">,
): Problem {
  const place = set.locate(resource, path);
  return place === undefined ? problem : { ...problem, place };
}
