import { collectEdges, type Edge, workloadsOfEdges } from "@ringwall/learner";
import type { Workload } from "@ringwall/model";
import { inventoryOf } from "@ringwall/policy";
import { Failure, failure } from "../failure.ts";
import { note } from "../output/print.ts";
import { readFlows } from "./flow-lines.ts";
import { loadInventory } from "./inventory-file.ts";

type Options = {
  readonly flows: readonly string[];
  readonly inventory?: string;
  readonly keepGoing?: boolean;
};

export type Observations = {
  readonly edges: readonly Edge[];
  /** Workloads of the inventory file and of the policy. */
  readonly inventory: readonly Workload[];
  /** Workloads that the flows name and the inventory lacks. */
  readonly found: readonly Workload[];
};

/** Reads flows and inventory as every learning command does; progress goes to a terminal's standard error. */
export async function loadObservations(
  options: Options,
  written: readonly Workload[],
): Promise<Observations> {
  const listed = options.inventory === undefined ? [] : loadInventory(options.inventory);
  const inventory = [...written, ...listed];
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
  const found = names.workloads();
  const valid = inventoryOf([...inventory, ...found]);
  if (!valid.ok) throw new Failure(valid.error);
  return { edges: collector.edges(), inventory, found };
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
