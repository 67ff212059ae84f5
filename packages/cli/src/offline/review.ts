import type { Command } from "commander";
import { sayJson } from "../output/print.ts";
import type { Words } from "../review/choose-rules.ts";
import { withReviewOptions } from "../review/options.ts";
import { run } from "../run.ts";

type Options = Words & { readonly policy: string; readonly json?: boolean };

export function register(program: Command): void {
  const command = program
    .command("review")
    .description(
      "the rules that `learn` proposed in a folder, with their evidence: accept them, or reject with a reason",
    )
    .requiredOption("--policy <dir>", "folder that `learn` wrote");
  withReviewOptions(command).option("--json", "NDJSON, one rule a line").action(run(reviewFiles));
}

async function reviewFiles(options: Options): Promise<0> {
  const { decisionsOf } = await import("../review/choose-rules.ts");
  const { loadProposal, saveDecisions } = await import("./proposal-folder.ts");
  const proposal = loadProposal(options.policy);
  const decisions = decisionsOf(options, proposal.rules);
  const { rules } =
    decisions.length === 0
      ? proposal
      : saveDecisions(options.policy, proposal, decisions, new Date().toISOString());
  if (options.json) for (const rule of rules) sayJson(rule);
  else {
    const { printReview } = await import("../review/print-review.ts");
    await printReview(rules, `ringwall review --policy ${options.policy}`);
  }
  return 0;
}
