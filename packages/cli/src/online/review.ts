import type { Command } from "commander";
import { commandName } from "../command-name.ts";
import { parseWhole } from "../output/parse-options.ts";
import { say, sayJson } from "../output/print.ts";
import { printTable } from "../output/table.ts";
import type { Words } from "../review/choose-rules.ts";
import { withReviewOptions } from "../review/options.ts";
import { run } from "../run.ts";
import type { Api } from "../server/api.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

type Options = ServerOptions &
  Words & { readonly rejected?: boolean; readonly forget?: number; readonly json?: boolean };

export function register(program: Command): void {
  const command = program
    .command("review")
    .description(
      "the rules that `learn` proposed, with their evidence: accept them, or reject with a reason; in a folder with --policy",
    );
  withReviewOptions(command)
    .option("--rejected", "list what was rejected, in this proposal and earlier ones")
    .option(
      "--forget <number>",
      "a rejection, by its number: the rule may be proposed again",
      parseWhole(1, Number.MAX_SAFE_INTEGER),
    )
    .option("--json", "NDJSON, one rule a line");
  withServerOptions(command).action(run(review));
}

async function review(options: Options): Promise<0> {
  const { openApi } = await import("../server/api.ts");
  const { proposalView, rejectionForgottenReply } = await import("@ringwall/protocol/rest");
  const api = openApi(options);
  if (options.forget !== undefined) {
    await api.send("DELETE", `/api/v1/rejections/${options.forget}`, undefined, rejectionForgottenReply);
    if (options.rejected !== true) return 0;
  }
  if (options.rejected) return listRejections(api, options.json === true);
  const { decisionsOf } = await import("../review/choose-rules.ts");
  const proposal = await api.get("/api/v1/proposal", proposalView);
  const decisions = decisionsOf(options, proposal.rules);
  const { rules } =
    decisions.length === 0
      ? proposal
      : await api.send("POST", "/api/v1/proposal/review", { decisions }, proposalView);
  if (options.json) for (const rule of rules) sayJson(rule);
  else {
    const { printReview } = await import("../review/print-review.ts");
    await printReview(rules, `${commandName()} review`);
  }
  return 0;
}

async function listRejections(api: Api, isJson: boolean): Promise<0> {
  const { rejectionsReply } = await import("@ringwall/protocol/rest");
  const { rejections } = await api.get("/api/v1/rejections", rejectionsReply);
  if (isJson) for (const one of rejections) sayJson(one);
  else if (rejections.length === 0) say("nothing was rejected");
  else {
    await printTable(
      [
        { head: "#", align: "right" },
        { head: "RULE", shrink: "end" },
        { head: "REASON", shrink: "end" },
        { head: "BY" },
      ],
      rejections.map(({ id, policy, rule, reason, by }) => [String(id), `${policy}/${rule}`, reason, by]),
    );
  }
  return 0;
}
