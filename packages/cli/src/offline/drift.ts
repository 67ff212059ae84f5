import type { DriftResult } from "@ringwall/learner";
import type { Command } from "commander";
import { paint, say, sayJson } from "../output/print.ts";
import { printTable } from "../output/table.ts";
import { run } from "../run.ts";

type Options = {
  readonly policy: string;
  readonly flows: readonly string[];
  readonly inventory?: string;
  readonly keepGoing?: boolean;
  readonly json?: boolean;
};

export function register(program: Command): void {
  program
    .command("drift")
    .description("edges that the policy does not allow, classed: known role, known upgrade, new, suspicious")
    .requiredOption("--policy <dir>", "policy folder")
    .requiredOption("--flows <files...>", "flow records, NDJSON (.gz too); `-` is standard input")
    .option("--inventory <file>", "Workload documents, YAML or NDJSON")
    .option("--keep-going", "pass over lines that are no flow records")
    .option("--json", "NDJSON, one edge a line")
    .action(run(driftFiles));
}

/** Exit code 1 where anything drifted. */
async function driftFiles(options: Options): Promise<0 | 1> {
  const { drift } = await import("@ringwall/learner");
  const { loadPolicyFolder } = await import("./policy-folder.ts");
  const { loadObservations } = await import("./observations.ts");
  const { resources } = loadPolicyFolder(options.policy);
  const written = resources.filter((one) => one.kind === "Workload");
  const { edges, inventory, found } = await loadObservations(options, written);
  const result = drift({ resources, edges, inventory: [...inventory, ...found] });
  if (options.json) for (const edge of result.drifted) sayJson(edge);
  else await show(result);
  return result.drifted.length === 0 ? 0 : 1;
}

async function show({ allowed, drifted, replicas }: DriftResult): Promise<void> {
  for (const { workload, segment, words } of replicas)
    say(`\`${workload}\` belongs to \`${segment}\`: ${words}`);
  say(`${allowed} edges are allowed, ${drifted.length} are not:`);
  if (drifted.length === 0) return;
  await printTable(
    [
      { head: "CLASS" },
      { head: "FROM", shrink: "middle" },
      { head: "TO", shrink: "middle" },
      { head: "PORT", shrink: "end" },
      { head: "COUNT", align: "right" },
      { head: "WHY", shrink: "end" },
    ],
    drifted.map(({ edge, class: kind, words, connections }) => [
      kind === "suspicious" ? { text: kind, style: "red" } : kind,
      edge.srcSoftware === null ? edge.src : `${edge.srcSoftware} on ${edge.src}`,
      edge.dstSoftware === null ? edge.dst : `${edge.dstSoftware} on ${edge.dst}`,
      edge.port,
      String(connections),
      words,
    ]),
  );
  const first = drifted.find((edge) => edge.class === "suspicious");
  if (first !== undefined) say(paint("red", "\nLook at what is suspicious before anything is allowed."));
}
