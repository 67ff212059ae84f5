import { type Attempt, type EndVerdict, ok, type Result, type Verdict } from "@ringwall/model";
import type { Inventory } from "../policy-set/inventory.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { type DecideOptions, decide } from "../spec/decide.ts";
import { formatEnd, formatProcess } from "../words/words.ts";

/** A verdict in words, a line each. */
export type Explanation = { readonly verdict: Verdict; readonly text: readonly string[] };

/** Says which rule decided at each end, or which was nearest and what differed. Errors as `decide`. */
export function explain(
  set: PolicySet,
  inventory: Inventory,
  attempt: Attempt,
  options: DecideOptions = {},
): Result<Explanation> {
  const verdict = decide(set, inventory, attempt, options);
  if (!verdict.ok) return verdict;
  const { outbound, inbound, outcome } = verdict.value;
  const text = [
    `${describe(attempt)}: ${outcome}`,
    ...explainEnd("outbound", `at the source, ${formatEnd(attempt.src)}`, outbound),
    ...explainEnd("inbound", `at the destination, ${formatEnd(attempt.dst)}`, inbound),
  ];
  return ok({ verdict: verdict.value, text });
}

function describe(attempt: Attempt): string {
  const port = attempt.proto === "icmp" ? attempt.icmpType : attempt.port;
  const what = port === undefined ? attempt.proto : `${attempt.proto}/${port}`;
  const end = (flow: Attempt["src"]) => {
    const known = flow.software !== undefined || flow.exe !== undefined;
    return known ? `${formatProcess(flow)} on ${formatEnd(flow)}` : formatEnd(flow);
  };
  return `${end(attempt.src)} to ${end(attempt.dst)}, ${what}`;
}

function explainEnd(direction: string, where: string, verdict: EndVerdict | null): readonly string[] {
  if (verdict === null) return [`  ${where}: nobody judges, no agent is there`];
  const lines = [`  ${where}: ${verdict.outcome}, ${reasonOf(direction, verdict)}`];
  if (verdict.nearest !== undefined)
    lines.push(
      `    the nearest rule is \`${verdict.nearest.rule}\`; it differs in ${verdict.nearest.differs}`,
    );
  if ((verdict.unproved ?? []).length > 0)
    lines.push(
      `    passed without proof: ${(verdict.unproved ?? []).join(", ")} (level ${verdict.verification})`,
    );
  return lines;
}

function reasonOf(direction: string, { decision, rule, mode, outcome }: EndVerdict): string {
  if (rule === "ungoverned") return `no segment governs ${direction} traffic here`;
  const because =
    decision === "allow"
      ? `by \`${rule}\``
      : rule === "default"
        ? "no rule allows it"
        : `denied by \`${rule}\``;
  if (decision === "allow" || outcome === "blocked") return because;
  if (mode === null) return `${because}, but no segment governs ${direction} traffic here`;
  return mode === "block"
    ? `${because}; loopback is only recorded here`
    : `${because}; the mode is ${mode}, so it is only recorded`;
}
