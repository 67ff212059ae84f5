import type { CompileOptions, Exported } from "@ringwall/policy";
import type { Command } from "commander";
import { Failure, failure } from "../failure.ts";
import { say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import type { World } from "./world.ts";

type Options = {
  readonly policy: readonly string[];
  readonly output: string;
  readonly inventory?: string;
  readonly essential?: string;
  readonly json?: boolean;
};
const TARGETS = ["nftables", "kubernetes", "aws-sg", "terraform"] as const;
const REPORT = "fidelity.json";

export function register(program: Command): void {
  program
    .command("export")
    .description("the policy for systems without an agent, and how much wider it is there")
    .argument("<target>", TARGETS.join(", "))
    .requiredOption("--policy <dir...>", "policy folders or files")
    .requiredOption("-o, --output <dir>", "a folder for the files and the fidelity report")
    .option("--inventory <file>", "Workload documents, YAML or NDJSON")
    .option("--essential <file>", "the essential flows' configuration (nftables)")
    .option("--json", "the fidelity report as NDJSON, a rule a line")
    .action(run(exportFiles));
}

async function exportFiles(target: string, options: Options): Promise<0> {
  const { formatFidelity } = await import("@ringwall/policy");
  const { loadEssential, loadWorld } = await import("./world.ts");
  const { writeFolder } = await import("./write-folder.ts");
  const world = await loadWorld(options.policy, options.inventory);
  const { ESSENTIAL_NONE } = await import("@ringwall/policy");
  const essential = (await loadEssential(options.essential)) ?? ESSENTIAL_NONE;
  const exported = await exportTo(target, world, {
    revision: 0,
    essential,
    proof: "unavailable",
    nowMs: Date.now(),
  });
  const report = { path: REPORT, text: `${JSON.stringify({ target, rules: exported.fidelity }, null, 2)}\n` };
  writeFolder(options.output, [...exported.files, report], REPORT);
  if (options.json) for (const one of exported.fidelity) sayJson(one);
  else say(formatFidelity(target, exported.fidelity));
  return 0;
}

async function exportTo(
  target: string,
  { set, inventory }: World,
  options: CompileOptions,
): Promise<Exported> {
  const policy = await import("@ringwall/policy");
  if (target === "kubernetes") return policy.exportKubernetes(set, inventory);
  if (target === "aws-sg") return policy.exportAwsSecurityGroups(set, inventory);
  if (target === "terraform") return policy.exportTerraform(set, inventory);
  if (target !== "nftables")
    throw failure(
      "unknown-system",
      `\`${target}\` is nothing to export to`,
      `targets: ${TARGETS.join(", ")}`,
    );
  const exported = policy.exportNftables(set, inventory, options);
  if (!exported.ok) throw new Failure(exported.error);
  return exported.value;
}
