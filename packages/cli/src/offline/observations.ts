import { collectEdges, collectExecs, type Edge, type Exec, workloadsOfEdges } from "@ringwall/learner";
import type { ExecRecord, Flow, Problem, Workload } from "@ringwall/model";
import { inventoryOf, parsePolicy } from "@ringwall/policy";
import { Failure } from "../failure.ts";
import { note } from "../output/print.ts";
import { readRecords } from "./records.ts";
import { loadTextFiles } from "./text-files.ts";

type Options = {
  readonly flows: readonly string[];
  readonly inventory?: string;
  readonly keepGoing?: boolean;
};

export type Observations = {
  readonly edges: readonly Edge[];
  /** Programs that were started. */
  readonly execs: readonly Exec[];
  /** Workloads of the inventory file and of the policy. */
  readonly inventory: readonly Workload[];
  /** Workloads that the flows name and the inventory lacks. */
  readonly found: readonly Workload[];
};

/** Problems reported of one file; more say nothing new. */
const PROBLEMS_MAX = 20;

/** Reads flows and inventory as every learning command does; progress goes to a terminal's standard error. Throws Failure. */
export async function loadObservations(
  options: Options,
  written: readonly Workload[],
): Promise<Observations> {
  const inventory = [...written, ...loadInventory(options.inventory)];
  const collector = collectEdges(inventory);
  const started = collectExecs();
  const names = workloadsOfEdges(inventory);
  const progress = progressLine();
  for (const file of options.flows) {
    const problems = await readFlows(file, (record) => {
      progress.step();
      if ("exec" in record) started.add(record);
      else {
        collector.add(record);
        names.add(record);
      }
    });
    progress.end();
    if (problems.length === 0) continue;
    if (!options.keepGoing) throw new Failure(problems);
    const first = problems[0]?.place?.line;
    note(`${file}: passed over lines that are no flow records, the first at line ${first}`);
  }
  const found = names.workloads();
  const valid = inventoryOf([...inventory, ...found]);
  if (!valid.ok) throw new Failure(valid.error);
  return { edges: collector.edges(), execs: started.execs(), inventory, found };
}

function loadInventory(file: string | undefined): readonly Workload[] {
  if (file === undefined) return [];
  const parsed = parsePolicy(loadTextFiles([file]));
  if (!parsed.ok) throw new Failure(parsed.error);
  return parsed.value.workloads;
}

/** Goes on after a bad line, so that all of them are reported. */
async function readFlows(
  file: string,
  onRecord: (record: Flow | ExecRecord) => void,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for await (const item of readRecords(file, "flow")) {
    if ("problem" in item) {
      if (problems.length < PROBLEMS_MAX) problems.push(item.problem());
    } else onRecord(item.record);
  }
  return problems;
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
  const end = (): void => {
    if (isShown && records >= PROGRESS_EVERY) process.stderr.write("\r\u001b[K");
  };
  return { step, end };
}
