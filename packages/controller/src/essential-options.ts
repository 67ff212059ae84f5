import type { Place, Problem } from "@ringwall/model";
import { essentialProblems } from "@ringwall/policy";
import type { ControllerOptions } from "./options.ts";
import { ControllerStartError } from "./start-error.ts";

const NO_PLACE: Place = { file: "", line: 1, column: 1 };

/**
 * Refuses a management list or a resolver that names nothing: passed over, it would lock operators out, or hosts from
 * their names, in the moment of the first block.
 */
export function checkEssentialOptions({
  management = [],
  resolvers = [],
}: Pick<ControllerOptions, "management" | "resolvers">): void {
  const at = () => NO_PLACE;
  refuse(
    "--management",
    "such as 10.0.0.0/8=tcp/22",
    essentialProblems({ controller: null, resolvers: [], management }, at),
  );
  refuse(
    "--resolver",
    "an address such as 10.0.0.53",
    essentialProblems({ controller: null, resolvers, management: [] }, at),
  );
}

function refuse(option: string, example: string, [first]: readonly Problem[]): void {
  if (first === undefined) return;
  const fix = first.code === "host-bits" ? first.fix : undefined;
  throw new ControllerStartError(
    "bad-essential",
    `\`${option}\`: ${first.message}`,
    `${option} takes ${example}${fix === undefined ? "" : `; ${fix}`}`,
  );
}
