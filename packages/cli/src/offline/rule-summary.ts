import type { ProposedRule } from "@ringwall/learner";
import type { DestinationEndpoint } from "@ringwall/model";

/** One line: `crm-api, segment crm-app → postgres, segment crm-db, tcp/5432`. */
export function summaryOf(rule: ProposedRule): string {
  if ("run" in rule) return `${list(rule.run.software)} in ${list(rule.run.segment)}`;
  const { from, to, ports } = rule.allow;
  return `${endpoint(from)} → ${endpoint(to)}, ${ports === undefined ? "any port" : ports.join(", ")}`;
}

function endpoint(end: DestinationEndpoint | undefined): string {
  const factors = Object.entries(end ?? {}).map(([factor, value]: [string, unknown]) => {
    if (value === true) return factor;
    const text = typeof value === "string" || Array.isArray(value) ? list(value) : JSON.stringify(value);
    return factor === "software" ? text : `${factor} ${text}`;
  });
  return factors.length === 0 ? "anyone" : factors.join(", ");
}

function list(value: string | readonly string[]): string {
  return typeof value === "string" ? value : value.join(" | ");
}
