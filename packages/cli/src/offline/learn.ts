import type { LearnResult } from "@ringwall/learner";
import type { Workload } from "@ringwall/model";
import { type Command, InvalidArgumentError } from "commander";
import { Failure, failure } from "../failure.ts";
import { parseWhole } from "../output/parse-options.ts";
import { note, say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";

type Options = {
  readonly flows: readonly string[];
  readonly inventory?: string;
  readonly output: string;
  readonly tightness: number;
  readonly seed: number;
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
    .option("--seed <number>", "seed of the learner's choices", parseWhole(0, Number.MAX_SAFE_INTEGER), 1)
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
  const { formatLearned, learn } = await import("@ringwall/learner");
  const { writeFolder } = await import("./write-folder.ts");
  const { edges, inventory, found } = await loadObservations(options);
  const { tightness, seed } = options;
  const result = learn({ edges, inventory: [...inventory, ...found], tightness, seed, taken: [] });
  // Files are written in one step: whatever ends the run before this leaves the folder as it was.
  writeFolder(options.output, formatLearned(result, found), "report.json");
  if (options.json) sayJson(result.report);
  else await show(result, options.output);
  return result.report.rules.length === 0 ? 1 : 0;
}

/** Reads flows and inventory as every learning command does; progress goes to a terminal's standard error. */
export async function loadObservations(options: Pick<Options, "flows" | "inventory" | "keepGoing">): Promise<{
  readonly edges: ReturnType<ReturnType<typeof import("@ringwall/learner")["collectEdges"]>["edges"]>;
  readonly inventory: readonly Workload[];
  /** Workloads that the flows name and the inventory lacks. */
  readonly found: readonly Workload[];
}> {
  const { collectEdges, workloadsOfEdges } = await import("@ringwall/learner");
  const { loadInventory } = await import("./inventory-file.ts");
  const { readFlows } = await import("./flow-lines.ts");
  const inventory = options.inventory === undefined ? [] : loadInventory(options.inventory);
  const collector = collectEdges(inventory);
  const names = workloadsOfEdges(inventory);
  const progress = progressLine();
  for (const file of options.flows) {
    const reading = await readFlows(file, (flow) => {
      collector.add(flow);
      names.add(flow);
      progress.step();
    }).catch((error: NodeJS.ErrnoException) => {
      throw failure(
        "unreadable-input",
        `cannot read \`${file}\`: ${error.code ?? error.message}`,
        "check the path",
      );
    });
    progress.end();
    if (reading.problems.length > 0) {
      if (!options.keepGoing) throw new Failure(reading.problems);
      note(
        `${file}: passed over lines that are no flow records, the first at line ${reading.problems[0]?.place?.line}`,
      );
    }
  }
  return { edges: collector.edges(), inventory, found: names.workloads() };
}

/** Records between two updates of the progress line. */
const PROGRESS_EVERY = 100_000;

function progressLine(): { readonly step: () => void; readonly end: () => void } {
  let records = 0;
  const isShown = process.stderr.isTTY === true;
  const step = (): void => {
    records += 1;
    if (isShown && records % PROGRESS_EVERY === 0) process.stderr.write(`\rread ${records} records`);
  };
  return {
    step,
    end: () => void (isShown && records >= PROGRESS_EVERY && process.stderr.write("\r\u001b[K")),
  };
}

async function show({ report }: LearnResult, folder: string): Promise<void> {
  const { printReport, shownReport } = await import("../online/learn-report.ts");
  await printReport(shownReport.parse(report));
  const { rules, segments, overPermission } = report;
  say(
    `\n${segments.length} segments and ${rules.length} rules, which permit ${overPermission} times what was seen, are in ${folder}`,
  );
  say(
    `Read ${folder}/report.md; then \`ringwall simulate --policy ${folder} --flows FILE\` shows what it would break.`,
  );
}
