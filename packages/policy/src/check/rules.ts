import { type Policy, type Problem, parsePortSpec } from "@ringwall/model";
import { rangesOfTexts, subtractRanges } from "../compile/address-book.ts";
import { selectsWorkload } from "../policy-set/labels.ts";
import { blocksOf } from "../policy-set/patterns.ts";
import { expiryMs, MS_PER_DAY } from "../policy-set/time.ts";
import type { World } from "./check.ts";
import { type Endpoint, endpointsOf, namesProcess, type Stated, statedClauses } from "./clauses.ts";
import { nearestLabels } from "./nearest-labels.ts";
import { problemAt } from "./problem.ts";

/** People want to hear of an expiry while there is time to act. */
const EXPIRY_WARNING_DAYS = 14;

/** What single rules and policies say that can't hold, or that says more than its author may think. */
export function ruleProblems(world: World): readonly Problem[] {
  return [
    ...world.set.policies.flatMap((policy) => expiryProblems(world, policy)),
    ...statedClauses(world.set).flatMap((stated) => [
      ...proofProblems(world, stated),
      ...portProblems(world, stated),
      ...windowProblems(world, stated),
      ...endpointsOf(stated.clause).flatMap(({ side, endpoint }) =>
        endpointProblems(world, stated, side, endpoint),
      ),
      ...(stated.kind === "allow" ? processProblems(world, stated) : []),
    ]),
  ];
}

function expiryProblems({ set, options }: World, policy: Policy): readonly Problem[] {
  const { expires } = policy.metadata;
  if (expires === undefined) return [];
  const leftMs = expiryMs(expires) - options.nowMs;
  if (leftMs > EXPIRY_WARNING_DAYS * MS_PER_DAY) return [];
  const message =
    leftMs <= 0
      ? `the policy expired after ${expires}: its allows no longer hold`
      : `the policy's allows end after ${expires}, in ${Math.ceil(leftMs / MS_PER_DAY)} days`;
  const code = leftMs <= 0 ? "expired" : "expires-soon";
  return [
    problemAt(set, policy, ["metadata", "expires"], {
      code,
      severity: "warning",
      message,
      fix: "set a later date, or remove the policy",
    }),
  ];
}

function proofProblems({ set, options }: World, stated: Stated): readonly Problem[] {
  const { clause, resource, path } = stated;
  if (!("verified" in clause) || clause.verified !== "required") return [];
  const at = [...path, "verified"];
  const unprovable = endpointsOf(clause).find(({ endpoint }) => isNeverManaged(endpoint));
  const protocols = (clause.ports ?? []).map((port) => parsePortSpec(port)?.proto);
  const noTcp = protocols.length > 0 && !protocols.includes("tcp");
  if (unprovable !== undefined || noTcp) {
    const why =
      unprovable === undefined
        ? `${protocols.join(", ")} carries no proof`
        : `\`${unprovable.side}\` is an end without an agent`;
    const message = `\`verified: required\` can never hold: ${why}`;
    return [
      problemAt(set, resource, at, {
        code: "verified-impossible",
        severity: "error",
        message,
        fix: "leave `verified` out",
      }),
    ];
  }
  if (options.proof !== "unavailable") return [];
  const message = "`verified: required` can't hold: no host of this fleet can give a proof yet";
  return [
    problemAt(set, resource, at, {
      code: "proof-unavailable",
      severity: "error",
      message,
      fix: "leave `verified` out",
    }),
  ];
}

/** Says outright that nobody's agent is there. */
function isNeverManaged(endpoint: Endpoint): boolean {
  return endpoint.unmanaged === true || endpoint.internet === true || endpoint.fqdn !== undefined;
}

function portProblems({ set, inventory }: World, { clause, resource, path }: Stated): readonly Problem[] {
  const ports = clause.ports ?? [];
  const specs = ports.map(parsePortSpec);
  return ports.flatMap((text, i): readonly Problem[] => {
    const spec = specs[i];
    const at = [...path, "ports", i];
    if (spec?.kind === "named") {
      const serves = inventory.workloads.some((one) =>
        one.spec.ports?.some((port) => port.name === spec.name && port.proto === spec.proto),
      );
      if (serves || inventory.workloads.length === 0) return [];
      const message = `no workload serves a ${spec.proto} port named \`${spec.name}\``;
      return [
        problemAt(set, resource, at, {
          code: "unknown-port",
          severity: "warning",
          message,
          fix: "write its number",
        }),
      ];
    }
    const earlier = specs.findIndex(
      (other, j) =>
        j < i &&
        spec?.kind === "range" &&
        other?.kind === "range" &&
        other.proto === spec.proto &&
        other.from <= spec.to &&
        spec.from <= other.to,
    );
    if (earlier < 0) return [];
    const message = `\`${text}\` overlaps \`${ports[earlier]}\``;
    return [
      problemAt(set, resource, at, {
        code: "overlapping-ports",
        severity: "warning",
        message,
        fix: "write one range",
      }),
    ];
  });
}

function windowProblems({ set }: World, { clause, resource, path }: Stated): readonly Problem[] {
  const { when } = clause;
  if (when?.from === undefined || when.from !== when.to) return [];
  const message = `the window from ${when.from} to ${when.to} is the whole day`;
  return [
    problemAt(set, resource, [...path, "when"], {
      code: "empty-window",
      severity: "warning",
      message,
      fix: "leave `from` and `to` out, or correct one",
    }),
  ];
}

function endpointProblems(
  { set, inventory }: World,
  { resource, path }: Stated,
  side: "from" | "to",
  endpoint: Endpoint,
): readonly Problem[] {
  const problems: Problem[] = [];
  const { labels, cidr } = endpoint;
  if (
    labels !== undefined &&
    inventory.workloads.length > 0 &&
    !inventory.workloads.some((one) => selectsWorkload(labels, one))
  ) {
    const message = "these labels select no workload";
    const fix = nearestLabels(inventory.workloads, labels);
    problems.push(
      problemAt(set, resource, [...path, side, "labels"], {
        code: "stale-selector",
        severity: "warning",
        message,
        fix,
      }),
    );
  }
  if (cidr !== undefined) {
    const { include, exclude } = blocksOf(cidr);
    for (const text of exclude)
      if (subtractRanges(rangesOfTexts([text]), rangesOfTexts(include)).length > 0) {
        const message = `the exception \`${text}\` is not inside \`${include.join(", ")}\``;
        problems.push(
          problemAt(set, resource, [...path, side, "cidr"], {
            code: "except-outside",
            severity: "warning",
            message,
            fix: "remove it",
          }),
        );
      }
  }
  if (isNeverManaged(endpoint) && namesProcess(endpoint)) {
    const message = `who the process is can't be known at an end without an agent: the rule passes without proof`;
    problems.push(
      problemAt(set, resource, [...path, side], {
        code: "unprovable",
        severity: "warning",
        message,
        fix: "leave the process factors of this end out",
      }),
    );
  }
  return problems;
}

/** What is left out matches everything. */
function processProblems({ set }: World, { clause, resource, path, name }: Stated): readonly Problem[] {
  const open = endpointsOf(clause).filter(
    ({ endpoint }) => !isNeverManaged(endpoint) && !namesProcess(endpoint),
  );
  if (open.length < 2) return [];
  const anywhere = endpointsOf(clause).every(({ endpoint }) => Object.keys(endpoint).length === 0);
  if (anywhere) {
    const wide = `the rule \`${name}\` lets everybody reach everything`;
    return [
      problemAt(set, resource, path, {
        code: "over-wide",
        severity: "warning",
        message: wide,
        fix: "say `from` and `to`",
      }),
    ];
  }
  const message = `the rule \`${name}\` names no software: it lets any program at both ends through`;
  return [
    problemAt(set, resource, path, {
      code: "no-software",
      severity: "warning",
      message,
      fix: "add `software` to `from` or `to`",
    }),
  ];
}
