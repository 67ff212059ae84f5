import type { Command } from "commander";
import { Failure } from "../failure.ts";
import { say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import type { AttemptOptions } from "./attempt-of.ts";

type Options = AttemptOptions & {
  readonly policy: readonly string[];
  readonly inventory?: string;
  readonly essential?: string;
  readonly failOnDeny?: boolean;
  readonly json?: boolean;
};

export function register(program: Command): void {
  program
    .command("explain")
    .description("why something is allowed or not, in words")
    .requiredOption("--policy <dir...>", "policy folders or files")
    .requiredOption("--from <end>", "WORKLOAD or ADDRESS, with SOFTWARE@ before it where the program matters")
    .requiredOption("--to <end>", "the same, or a name such as api.example.com")
    .requiredOption("--port <port>", "such as tcp/5432, udp/53, icmp/8")
    .option("--from-user <user>", "the user at the source")
    .option("--time <time>", "when, such as 2026-11-20T10:00:00Z")
    .option("--inventory <file>", "Workload documents, YAML or NDJSON")
    .option("--essential <file>", "the essential flows' configuration")
    .option("--fail-on-deny", "exit 1 where it is not allowed")
    .option("--json", "the verdict as JSON")
    .action(run(explainOne));
}

async function explainOne(options: Options): Promise<0 | 1> {
  const { explain } = await import("@ringwall/policy");
  const { attemptOf } = await import("./attempt-of.ts");
  const { loadEssential, loadWorld } = await import("./world.ts");
  const { set, inventory } = await loadWorld(options.policy, options.inventory);
  const essential = await loadEssential(options.essential);
  const attempt = attemptOf(options, inventory);
  const explained = explain(set, inventory, attempt, {
    nowMs: Date.now(),
    ...(essential === undefined ? {} : { essential }),
  });
  if (!explained.ok) throw new Failure(explained.error);
  const { verdict, text } = explained.value;
  if (options.json) sayJson({ ...verdict, text });
  else for (const line of text) say(line);
  return options.failOnDeny && verdict.outcome !== "allowed" ? 1 : 0;
}
