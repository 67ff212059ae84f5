import type { LearnResult } from "@ringwall/learner";
import { type Command, InvalidArgumentError } from "commander";
import { commandName } from "../command-name.ts";
import { parseWhole } from "../output/parse-options.ts";
import { say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";

type Options = {
  readonly flows: readonly string[];
  readonly inventory?: string;
  readonly output: string;
  readonly tightness: number;
  readonly seed: number;
  readonly update?: string;
  readonly askAgain?: boolean;
  readonly keepGoing?: boolean;
  readonly json?: boolean;
};

export function register(program: Command): void {
  program
    .command("learn")
    .description("learn segments, software and rules from flow records, without a controller")
    .requiredOption("--flows <files...>", "flow records, NDJSON (.gz too); `-` is standard input")
    .option("--inventory <file>", "Workload documents, YAML or NDJSON")
    .requiredOption("-o, --output <dir>", "where the policy and the report go")
    .option("--tightness <number>", "0 fewest rules … 1 tightest rules", parseTightness, 0.5)
    .option(
      "--seed <number>",
      "accepted and without effect: the learner draws nothing at random",
      parseWhole(0, Number.MAX_SAFE_INTEGER),
      1,
    )
    .option(
      "--update <dir>",
      "an existing policy folder: only propose what it lacks, and leave people's text alone",
    )
    .option("--ask-again", "forget which rules `ringwall review` rejected, and propose them again")
    .option("--keep-going", "pass over lines that are no flow records")
    .option("--json", "the report as one JSON object")
    .action(run(learnFiles));
}

function parseTightness(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("write a number from 0 to 1.");
}

async function learnFiles(options: Options): Promise<0 | 1> {
  if (options.update !== undefined) {
    const { updateFolder } = await import("./update.ts");
    return updateFolder({ ...options, update: options.update });
  }
  const { formatLearned, learn } = await import("@ringwall/learner");
  const { loadObservations } = await import("./observations.ts");
  const { showStages } = await import("./stages.ts");
  const { writeLearned } = await import("./learned-folder.ts");
  const { formatReviews, loadReviews, REVIEW_FILE, rejectionsIn } = await import("./review-file.ts");
  const known = loadReviews(options.output);
  const reviews = options.askAgain ? known.filter(({ state }) => state === "accepted") : known;
  const { edges, execs, inventory, found } = await loadObservations(options, []);
  const { tightness, seed } = options;
  const rejected = rejectionsIn(reviews);
  const all = [...inventory, ...found];
  const stages = showStages(edges.length);
  const result = learn({
    edges,
    execs,
    inventory: all,
    tightness,
    seed,
    taken: [],
    rejected,
    onStage: stages.show,
  });
  stages.end();
  const kept = reviews.length === 0 ? [] : [{ path: REVIEW_FILE, text: formatReviews(reviews) }];
  // Files are written in one step: whatever ends the run before this leaves the folder as it was.
  writeLearned(options.output, [...formatLearned(result, found), ...kept], "new");
  if (options.json) sayJson(result.report);
  else await show(result, options.output);
  return result.report.rules.length === 0 ? 1 : 0;
}

async function show({ report }: LearnResult, folder: string): Promise<void> {
  const { printReport, shownReport } = await import("../online/learn-report.ts");
  await printReport(shownReport.parse(report));
  const { rules, segments, overPermission } = report;
  if (rules.length === 0) return say(`\nNo policy was learned; ${folder}/report.md says why.`);
  say(
    `\n${segments.length} segments and ${rules.length} rules, which permit ${overPermission} times what was seen, are in ${folder}`,
  );
  say(`Say what you think of each rule: \`${commandName()} review --policy ${folder}\``);
  say(
    `Read ${folder}/report.md; then \`ringwall simulate --policy ${folder} --flows FILE\` shows what it would break.`,
  );
}
