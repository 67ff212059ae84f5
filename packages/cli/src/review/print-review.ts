import { paint, say } from "../output/print.ts";
import { plural } from "../output/size.ts";
import { printTable } from "../output/table.ts";

export type ShownRule = {
  readonly id: string;
  readonly state: "open" | "accepted" | "rejected";
  readonly reason: string;
  readonly summary: string;
  readonly evidence: { readonly edges: number; readonly days: number; readonly connections: number };
  readonly overPermission: number;
  readonly confidence: number;
};

/** The rules with their numbers, what was seen of each, and what was said of it. */
export async function printReview(rules: readonly ShownRule[], command: string): Promise<void> {
  if (rules.length === 0) return say("no rule was proposed");
  await printTable(
    [
      { head: "#", align: "right" },
      { head: "STATE" },
      { head: "RULE", shrink: "end" },
      { head: "ALLOWS", shrink: "end", drop: 4 },
      { head: "EDGES", align: "right", drop: 3 },
      { head: "DAYS", align: "right", drop: 2 },
      { head: "WIDER", align: "right", drop: 1 },
      { head: "SURE", align: "right" },
    ],
    rules.map(({ id, state, reason, summary, evidence, overPermission, confidence }, index) => [
      String(index + 1),
      state === "open" ? state : { text: state, style: state === "accepted" ? "green" : "red" },
      state === "rejected" ? `${id} (${reason})` : id,
      summary,
      String(evidence.edges),
      String(evidence.days),
      `×${overPermission.toFixed(1)}`,
      `${Math.round(confidence * 100)} %`,
    ]),
  );
  const count = (state: ShownRule["state"]): number => rules.filter((one) => one.state === state).length;
  say(
    `\n${plural(rules.length, "rule")}: ${count("open")} open, ${count("accepted")} accepted, ${count("rejected")} rejected`,
  );
  if (count("open") === 0) return;
  say("Say what you think of them by number or name:");
  say(
    `  ${paint("bold", `${command} --accept 1 2`)}   or   ${paint("bold", `${command} --reject 3 --reason TEXT`)}`,
  );
}
