import type { Command } from "commander";
import { sayJson } from "../output/print.ts";
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
  else {
    const { printDrift } = await import("../review/print-drift.ts");
    await printDrift({
      allowed: result.allowed,
      replicas: result.replicas,
      edges: result.drifted.map(({ edge, ...rest }) => ({
        source: edge.src,
        sourceSoftware: edge.srcSoftware,
        destination: edge.dst,
        destinationSoftware: edge.dstSoftware,
        port: edge.port,
        ...rest,
      })),
    });
  }
  return result.drifted.length === 0 ? 0 : 1;
}
