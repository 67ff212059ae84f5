import type { LearnReport } from "@ringwall/learner";
import { z } from "zod";
import { paint, say } from "../output/print.ts";
import { plural } from "../output/size.ts";
import { printTable } from "../output/table.ts";
import { party } from "./party.ts";

const edge = z.object({
  src: z.string(),
  srcSoftware: z.string().nullable(),
  dst: z.string(),
  dstSoftware: z.string().nullable(),
  port: z.string(),
});

/** Of the learner's report, what is shown to people; the protocol carries the report as it stands. */
export const shownReport = z.object({
  segments: z.array(z.object({ name: z.string(), members: z.array(z.string()), why: z.string() })),
  rules: z.array(
    z.object({
      policy: z.string(),
      rule: z.string(),
      evidence: z.object({ edges: z.number(), days: z.number(), connections: z.number() }),
      overPermission: z.number(),
      confidence: z.number(),
    }),
  ),
  setAside: z.array(z.object({ edge, words: z.string(), connections: z.number(), suspicious: z.boolean() })),
  readiness: z.array(z.object({ segment: z.string(), newPerWeek: z.number(), words: z.string() })),
  order: z.array(z.string()),
  notes: z.array(z.string()),
}) satisfies z.ZodType<Pick<LearnReport, "segments" | "order" | "notes">, unknown>;

type Shown = z.infer<typeof shownReport>;

/** Prints segments, rules with their evidence, what was set aside, and the order proposed. */
export async function printReport(report: Shown): Promise<void> {
  if (report.segments.length > 0) await printSegments(report.segments);
  if (report.rules.length > 0) await printRules(report.rules);
  await printSetAside(report.setAside);
  if (report.rules.length > 0) await printReadiness(report.readiness);
  for (const line of report.notes) say(`${paint("yellow", "note:")} ${line}`);
  if (report.order.length > 0) say(`\n${heading("Proposed order for block:")} ${report.order.join(", ")}`);
}

async function printSegments(segments: Shown["segments"]): Promise<void> {
  say(heading(plural(segments.length, "segment")));
  await printTable(
    [
      { head: "SEGMENT", shrink: "middle" },
      { head: "WORKLOADS", shrink: "end" },
      { head: "WHY", shrink: "end" },
    ],
    segments.map((segment) => [segment.name, segment.members.join(", "), segment.why]),
  );
}

async function printRules(rules: Shown["rules"]): Promise<void> {
  say(`\n${heading(plural(rules.length, "rule"))}`);
  await printTable(
    [
      { head: "POLICY", shrink: "middle" },
      { head: "RULE", shrink: "end" },
      { head: "EDGES", align: "right" },
      { head: "DAYS", align: "right" },
      { head: "CONNECTIONS", align: "right" },
      { head: "WIDER", align: "right" },
      { head: "CONFIDENCE", align: "right" },
    ],
    rules.map(({ policy, rule, evidence, overPermission, confidence }) => [
      policy,
      rule,
      String(evidence.edges),
      String(evidence.days),
      String(evidence.connections),
      `×${overPermission.toFixed(1)}`,
      `${Math.round(confidence * 100)} %`,
    ]),
  );
}

/** Segments whose readiness is told here; the report has all. */
const READINESS_SHOWN_MAX = 8;

/** The least ready first. */
async function printReadiness(readiness: Shown["readiness"]): Promise<void> {
  const sorted = readiness.toSorted((a, b) => b.newPerWeek - a.newPerWeek);
  const shown = sorted.slice(0, READINESS_SHOWN_MAX);
  const rest = sorted.length - shown.length;
  say(
    `\n${heading("Readiness")}${rest > 0 ? `, the ${READINESS_SHOWN_MAX} least ready of ${sorted.length}` : ""}`,
  );
  await printTable(
    [
      { head: "SEGMENT", shrink: "middle" },
      { head: "IN WORDS", shrink: "end" },
    ],
    shown.map(({ segment, words }) => [segment, words]),
  );
}

async function printSetAside(setAside: Shown["setAside"]): Promise<void> {
  if (setAside.length === 0) return;
  say(`\n${heading(`${plural(setAside.length, "finding")} set aside, without a rule`)}`);
  await printTable(
    [
      { head: "FROM", shrink: "middle" },
      { head: "TO", shrink: "middle" },
      { head: "PORT", shrink: "end" },
      { head: "COUNT", align: "right" },
      { head: "WHY", shrink: "end" },
    ],
    setAside.map(({ edge: { src, srcSoftware, dst, dstSoftware, port }, connections, words, suspicious }) => [
      party(src, srcSoftware),
      party(dst, dstSoftware),
      port,
      String(connections),
      suspicious ? { text: words, style: "red" } : words,
    ]),
  );
}

function heading(text: string): string {
  return paint("bold", text);
}
