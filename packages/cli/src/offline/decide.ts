import type { Verdict } from "@ringwall/model";
import type { Decider, ExecVerdict } from "@ringwall/policy";
import type { Command } from "commander";
import type { ExitCode } from "../failure.ts";
import { printProblems, say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import type { World } from "./world.ts";

type Options = {
  readonly policy: readonly string[];
  readonly attempts: string;
  readonly inventory?: string;
  readonly essential?: string;
  readonly failOnDeny?: boolean;
  readonly keepGoing?: boolean;
  readonly json?: boolean;
};

export function register(program: Command): void {
  program
    .command("decide")
    .description("a verdict for each attempt of a file")
    .requiredOption("--policy <dir...>", "policy folders or files")
    .requiredOption("--attempts <file>", "attempts, NDJSON (.gz too); `-` is standard input")
    .option("--inventory <file>", "Workload documents, YAML or NDJSON")
    .option("--essential <file>", "the essential flows' configuration")
    .option("--fail-on-deny", "exit 1 where anything is not allowed")
    .option("--keep-going", "judge the rest where a line is wrong")
    .option("--json", "NDJSON, one verdict a line; also what a pipe gets")
    .action(run(decideFile));
}

async function decideFile(options: Options): Promise<ExitCode> {
  const { createDecider, decideExec } = await import("@ringwall/policy");
  const { loadEssential, loadWorld } = await import("./world.ts");
  const { readRecords } = await import("./records.ts");
  const world = await loadWorld(options.policy, options.inventory);
  const essential = await loadEssential(options.essential);
  const decider = createDecider(world.set, world.inventory, {
    nowMs: Date.now(),
    ...(essential === undefined ? {} : { essential }),
  });
  const show = options.json || !process.stdout.isTTY ? sayJson : sayWords;
  let code: ExitCode = 0;
  for await (const item of readRecords(options.attempts, "attempt")) {
    const verdict = "record" in item ? judge(world, decider, decideExec, item.record, item.line) : null;
    if (verdict?.ok === true) {
      show(verdict.value);
      if (options.failOnDeny && verdict.value.outcome !== "allowed" && code === 0) code = 1;
      continue;
    }
    const place = { file: options.attempts, line: item.line, column: 1 };
    await printProblems(
      "problem" in item ? [item.problem()] : (verdict?.error ?? []).map((one) => ({ ...one, place })),
    );
    code = 2;
    if (!options.keepGoing) break;
  }
  return code;
}

function judge(
  { set, inventory }: World,
  decider: Decider,
  decideExec: typeof import("@ringwall/policy")["decideExec"],
  record: Parameters<Decider["decide"]>[0] | Parameters<typeof decideExec>[2],
  line: number,
) {
  return "exec" in record ? decideExec(set, inventory, record, { line }) : decider.decide(record, line);
}

function sayWords(verdict: Verdict | ExecVerdict): void {
  if ("processes" in verdict) {
    say(`${verdict.line}  ${verdict.outcome}  exec: ${verdict.processes.rule}`);
    return;
  }
  const ends = (["outbound", "inbound"] as const).flatMap((end) => {
    const one = verdict[end];
    return one === null
      ? []
      : [
          `${end} ${one.outcome}: ${one.rule}${one.nearest === undefined ? "" : ` (nearest ${one.nearest.rule}: ${one.nearest.differs})`}`,
        ];
  });
  say(`${verdict.line}  ${verdict.outcome}  ${ends.join("; ")}`);
}
