import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { commandName } from "../command-name.ts";
import { failure } from "../failure.ts";
import { parseSince, parseWhole } from "../output/parse-options.ts";
import { note, paint, say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

type Options = ServerOptions & {
  readonly since?: string;
  readonly tightness?: number;
  readonly seed?: number;
  readonly keepDraft?: boolean;
  readonly update?: boolean;
  readonly askAgain?: boolean;
  readonly programs?: boolean;
  readonly output?: string;
  readonly json?: boolean;
};

export function register(program: Command): void {
  const command = program
    .command("learn")
    .description("propose segments, software and rules from what was seen; from files with --flows")
    .option("--since <duration>", "learn from this time only, such as 24h, 7d", parseSince)
    .option("--tightness <number>", "0 fewest rules … 1 tightest rules", parseTightness)
    .option(
      "--seed <number>",
      "accepted and without effect: the learner draws nothing at random",
      parseWhole(0, Number.MAX_SAFE_INTEGER),
    )
    .option("--keep-draft", "only show the proposal; without it the proposal becomes the draft")
    .option("--update", "only propose what the draft lacks, and leave people's text alone")
    .option("--programs", "also propose what may run, from exec records")
    .option("--ask-again", "forget which rules `ringwall review` rejected, and propose them again")
    .option("-o, --output <dir>", "also write policy.yaml and report.json there")
    .option("--json", "one JSON object");
  withServerOptions(command).action(run(learn));
}

function parseTightness(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("write a number from 0 to 1.");
}

async function learn(options: Options): Promise<0> {
  const { LONG_ANSWER_MS_MAX, openApi } = await import("../server/api.ts");
  const { learnReply } = await import("@ringwall/protocol/rest");
  const { since, tightness, seed, keepDraft, update, askAgain, programs } = options;
  const body = { since, tightness, seed, keepDraft, update, askAgain, programs };
  const reply = await openApi(options).send("POST", "/api/v1/learn", body, learnReply, LONG_ANSWER_MS_MAX);
  if (options.output !== undefined) await saveProposal(options.output, reply.text, reply.report);
  if (options.json) {
    sayJson(reply);
    return 0;
  }
  const { printReport, shownReport } = await import("./learn-report.ts");
  await printReport(shownReport.parse(reply.report));
  if (options.output !== undefined)
    note(`written: ${options.output}/policy.yaml, ${options.output}/report.json`);
  if (keepDraft) return 0;
  say(
    `\nThe proposal is now the draft (\`${commandName()} draft\` shows it, \`${commandName()} review\` takes your word`,
  );
  say("on each rule). See what it would break:");
  say(`  ${paint("bold", `${commandName()} simulate`)}`);
  return 0;
}

async function saveProposal(dir: string, text: string, report: unknown): Promise<void> {
  const { makeFolder } = await import("@ringwall/controller/make-folder");
  try {
    makeFolder(dir);
    writeFileSync(join(dir, "policy.yaml"), text);
    writeFileSync(join(dir, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw failure("cannot-write", `cannot write into \`${dir}\`: ${why}`, "name a folder you can write to");
  }
}
