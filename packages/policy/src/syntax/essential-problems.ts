import type { Problem } from "@ringwall/model";
import type { EssentialConfig } from "../policy-set/essential.ts";
import type { Path } from "./source.ts";
import { cidrProblems, type PlaceOf, portProblems } from "./value-problems.ts";

/**
 * Addresses and ports of the essential flows that name nothing. A rule without them would allow nobody, and a management
 * list that allows nobody locks operators out while it looks as if it let them in.
 */
export function essentialProblems(
  { controller, resolvers, management }: Pick<EssentialConfig, "controller" | "resolvers" | "management">,
  placeOf: PlaceOf,
): readonly Problem[] {
  const addresses = (texts: readonly string[], path: Path) =>
    texts.flatMap((text, i) => cidrProblems([text], [...path, i], placeOf));
  return [
    ...addresses(controller?.addresses ?? [], ["controller", "addresses"]),
    ...addresses(resolvers, ["resolvers"]),
    ...management.flatMap(({ cidrs, ports }, i) => [
      ...addresses(cidrs, ["management", i, "cidrs"]),
      ...portProblems(ports, ["management", i, "ports"], placeOf),
    ]),
  ];
}
