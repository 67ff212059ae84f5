import type { Place, Policy, Problem, Resource } from "@ringwall/model";
import { parsePortSpec, parsePrefix } from "@ringwall/model";
import { AGENT_SOFTWARE } from "../policy-set/essential.ts";
import { blocksOf } from "../policy-set/patterns.ts";
import { isZone } from "../policy-set/time.ts";
import type { Path } from "./source.ts";

export type PlaceOf = (path: Path) => Place;

/** What a schema can't say: values that look right and mean nothing, or two things. */
export function valueProblems(resource: Resource, placeOf: PlaceOf): readonly Problem[] {
  switch (resource.kind) {
    case "Policy":
      return [
        ...resource.spec.rules.flatMap((rule, i) => ruleProblems(rule, i, placeOf)),
        ...ruleNames(resource, placeOf),
      ];
    case "Assertion":
      return matchProblems(resource.spec.never, ["spec", "never"], placeOf);
    case "Software":
      return resource.metadata.name === AGENT_SOFTWARE
        ? [reservedName(placeOf)]
        : emptyEntries(resource, placeOf);
    case "Workload":
    case "Segment":
      return [];
  }
}

type Match = Extract<Policy["spec"]["rules"][number], { deny: unknown }>["deny"];
type Endpoint = NonNullable<Match["to"]>;

function ruleProblems(
  rule: Policy["spec"]["rules"][number],
  index: number,
  placeOf: PlaceOf,
): readonly Problem[] {
  const path = ["spec", "rules", index];
  if ("allow" in rule) return matchProblems(rule.allow, [...path, "allow"], placeOf);
  if (!("deny" in rule)) return [];
  const problems = matchProblems(rule.deny, [...path, "deny"], placeOf);
  if (rule.deny.to?.fqdn === undefined) return problems;
  const place = placeOf([...path, "deny", "to", "fqdn"]);
  const message = "a deny can't name an `fqdn`: other names share its addresses";
  return [
    ...problems,
    { code: "deny-fqdn", severity: "error", message, fix: "deny the addresses by `cidr`", place },
  ];
}

function matchProblems(match: Match, path: Path, placeOf: PlaceOf): readonly Problem[] {
  const problems = (["from", "to"] as const).flatMap((side) => {
    const endpoint: Endpoint | undefined = match[side];
    return endpoint?.cidr === undefined ? [] : cidrProblems(endpoint.cidr, [...path, side, "cidr"], placeOf);
  });
  const ports = portProblems(match.ports ?? [], [...path, "ports"], placeOf);
  const zone = match.when?.zone;
  if (zone === undefined || isZone(zone)) return [...problems, ...ports];
  const place = placeOf([...path, "when", "zone"]);
  const message = `no time zone is named \`${zone}\``;
  const unknown: Problem = {
    code: "unknown-zone",
    severity: "error",
    message,
    fix: "a name such as `Europe/Berlin`",
    place,
  };
  return [...problems, ...ports, unknown];
}

/** Blocks of addresses that are none, or have bits set after their prefix. */
export function cidrProblems(
  cidr: NonNullable<Endpoint["cidr"]>,
  path: Path,
  placeOf: PlaceOf,
): readonly Problem[] {
  const { include, exclude } = blocksOf(cidr);
  return [...include, ...exclude].flatMap((text): readonly Problem[] => {
    const prefix = parsePrefix(text);
    if (!("fault" in prefix)) return [];
    const place = placeOf(path);
    if (prefix.fault === "syntax")
      return [
        {
          code: "bad-cidr",
          severity: "error",
          message: `\`${text}\` is no block of addresses`,
          fix: "such as `10.0.0.0/8`",
          place,
        },
      ];
    const message = `\`${text}\` has bits set after its prefix`;
    return [
      {
        code: "host-bits",
        severity: "error",
        message,
        fix: `write \`${prefix.meant}\`, or \`/32\` for the one address`,
        place,
      },
    ];
  });
}

/** Ports that are none; `path` leads to their list. */
export function portProblems(ports: readonly string[], path: Path, placeOf: PlaceOf): readonly Problem[] {
  return ports.flatMap((text, i) =>
    parsePortSpec(text) === null ? [badPort(text, placeOf([...path, i]))] : [],
  );
}

function badPort(text: string, place: Place): Problem {
  const message = `\`${text}\` is no port`;
  return {
    code: "bad-port",
    severity: "error",
    message,
    fix: "ports go from 0 to 65535, ranges upwards; ICMP types to 255",
    place,
  };
}

function ruleNames(policy: Policy, placeOf: PlaceOf): readonly Problem[] {
  const seen = new Set<string>();
  return policy.spec.rules.flatMap(({ name }, i): readonly Problem[] => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const message = `a second rule of this policy is named \`${name}\``;
    const place = placeOf(["spec", "rules", i, "name"]);
    return [
      {
        code: "duplicate-rule",
        severity: "error",
        message,
        fix: "verdicts name their rule: give it another name",
        place,
      },
    ];
  });
}

function emptyEntries(
  software: Extract<Resource, { kind: "Software" }>,
  placeOf: PlaceOf,
): readonly Problem[] {
  return software.spec.anyOf.flatMap((entry, i): readonly Problem[] => {
    const fields = [
      ...Object.values(entry.executable ?? {}),
      ...Object.values(entry.script ?? {}),
      entry.image,
    ];
    if (fields.some((field) => field !== undefined) || entry.unattributable !== undefined) return [];
    const message = "an entry without executable, script or image would be every program";
    return [
      {
        code: "empty-software",
        severity: "error",
        message,
        fix: "name a `path` and a `sha256`",
        place: placeOf(["spec", "anyOf", i]),
      },
    ];
  });
}

function reservedName(placeOf: PlaceOf): Problem {
  return {
    code: "reserved-name",
    severity: "error",
    message: `the name \`${AGENT_SOFTWARE}\` stands for the agent itself`,
    fix: "choose another name",
    place: placeOf(["metadata", "name"]),
  };
}
