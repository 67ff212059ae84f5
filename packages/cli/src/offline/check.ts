import type { Command } from "commander";
import { printProblems, say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";

type Options = {
  readonly inventory?: string;
  readonly essential?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
};

export function register(program: Command): void {
  program
    .command("check")
    .description(
      "what is wrong with a policy: schema, references, lockout, shadowed and stale rules, assertions",
    )
    .argument("<dir...>", "policy folders or files")
    .option("--inventory <file>", "Workload documents, YAML or NDJSON")
    .option("--essential <file>", "the essential flows' configuration, so that lockout is judged exactly")
    .option("--strict", "warnings count as errors")
    .option("--json", "NDJSON, one message a line")
    .action(run(check));
}

async function check(paths: readonly string[], options: Options): Promise<0 | 1> {
  const { checkPolicy } = await import("@ringwall/policy");
  const { loadEssential, loadWorld } = await import("./world.ts");
  const { set, inventory } = await loadWorld(paths, options.inventory);
  const essential = await loadEssential(options.essential);
  const problems = checkPolicy(set, inventory, {
    nowMs: Date.now(),
    ...(essential === undefined ? {} : { essential }),
  });
  const errors = problems.filter((one) => one.severity === "error").length;
  if (options.json) for (const one of problems) sayJson(one);
  else {
    await printProblems(problems);
    say(
      `${counted(set.policies.length, "policy", "policies")}, ${counted(set.segments.length, "segment")}, ` +
        `${counted(inventory.workloads.length, "workload")}: ` +
        `${counted(errors, "error")}, ${counted(problems.length - errors, "warning")}`,
    );
  }
  return errors > 0 || (options.strict === true && problems.length > 0) ? 1 : 0;
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
