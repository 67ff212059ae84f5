import { styleText } from "node:util";
import type { Style } from "../../output/print.ts";

/** What the summary tells; lines are built from it alone. */
export type Summary = {
  readonly version: string;
  readonly consoleUrl: string;
  readonly signInUrl: string;
  /** The time of day until which the link works. */
  readonly signInUntil: string;
  readonly dataDir: string;
  readonly logDir: string;
  readonly agent:
    | { readonly kind: "running"; readonly workload: string }
    | { readonly kind: "none"; readonly why: string; readonly remedy: string };
  readonly command: string;
};

const WIDTH_MAX = 100;
const LABEL_WIDTH = 10;

/**
 * The framed summary of a running `ringwall up`. Framed by rules above and below only, so that the link stays whole and
 * can be copied from any terminal.
 */
export function summaryLines(summary: Summary, columns: number, isColoured: boolean): string[] {
  const paint = (style: Style, text: string) =>
    isColoured ? styleText(style, text, { validateStream: false }) : text;
  const row = (label: string, text: string) => `  ${paint("dim", label.padEnd(LABEL_WIDTH))}${text}`;
  const rule = paint("cyan", "─".repeat(Math.min(columns, WIDTH_MAX)));
  const { agent, command } = summary;
  const agentRows =
    agent.kind === "running"
      ? [
          row("agent", `watches ${agent.workload}`),
          row("", "it refuses nothing before you say so (`mode SEGMENT block`);"),
          row("", "Ctrl-C takes its programs out of the kernel again"),
        ]
      : [row("agent", paint("yellow", agent.why)), row("", agent.remedy)];
  const next = agent.kind === "running" ? "get flows" : "status";
  return [
    rule,
    `  ${paint("bold", `Ringwall ${summary.version}`)} is running. Ctrl-C ends it; the data stays.`,
    "",
    row("console", summary.consoleUrl),
    row("sign in", `works once, until ${summary.signInUntil}; another: \`${command} sign-in\``),
    // Not indented: with the default port it just fits 80 columns.
    paint("underline", summary.signInUrl),
    "",
    ...agentRows,
    row("data", summary.dataDir),
    row("logs", summary.logDir),
    "",
    "  Next, in another terminal:",
    `    ${paint("bold", `${command} ${next}`)}`,
    rule,
  ];
}
