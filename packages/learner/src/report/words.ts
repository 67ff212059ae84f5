import type { LearnReport } from "../result.ts";

/** Findings spelled out; the rest are counted. */
const FINDINGS_SHOWN_MAX = 200;

/** The report for people, in Markdown. */
export function formatReport(report: LearnReport): string {
  const sections = [
    "# What was learned\n",
    ...report.notes.map((note) => `> ${note}\n`),
    `${report.segments.length} segments, ${report.rules.length} rules, ${report.setAside.length} findings set aside. ` +
      `The rules permit ${report.overPermission} times what was seen.\n`,
    "## Segments\n",
    table(
      ["segment", "workloads", "why"],
      report.segments.map(({ name, members, why }) => [name, members.join(", "), why]),
    ),
    "## Rules\n",
    table(
      ["policy", "rule", "edges", "days", "last seen", "over-permission", "confidence"],
      report.rules.map(({ policy, rule, evidence, overPermission, confidence }) => [
        policy,
        rule,
        String(evidence.edges),
        String(evidence.days),
        evidence.lastSeen.slice(0, 10),
        String(overPermission),
        String(confidence),
      ]),
    ),
    "## Set aside\n",
    table(
      ["look", "from", "to", "port", "edges", "why"],
      report.setAside
        .slice(0, FINDINGS_SHOWN_MAX)
        .map(({ edge, words, edges, suspicious }) => [
          suspicious ? "suspicious" : "",
          edge.srcSoftware === null ? edge.src : `${edge.srcSoftware} on ${edge.src}`,
          edge.dst,
          edge.port,
          String(edges),
          words,
        ]),
    ),
    ...(report.setAside.length > FINDINGS_SHOWN_MAX
      ? [`and ${report.setAside.length - FINDINGS_SHOWN_MAX} more in report.json\n`]
      : []),
    "## Readiness\n",
    table(
      ["segment", "new rate", "80 % interval", "still unseen", "in words"],
      report.readiness.map((one) => [
        one.segment,
        String(one.newRate),
        `${one.newRateLow}–${one.newRateHigh}`,
        String(one.unseenClasses),
        one.words,
      ]),
    ),
    ...(report.curve.length === 0
      ? []
      : [
          "## Rules against over-permission\n",
          table(
            ["tightness", "rules", "over-permission"],
            report.curve.map((point) => [
              String(point.tightness),
              String(point.rules),
              String(point.overPermission),
            ]),
          ),
        ]),
    `Proposed order for block: ${report.order.join(", ")}\n`,
  ];
  return sections.join("\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "none\n";
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return `${[line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n")}\n`;
}
