import type { Simulation } from "@ringwall/policy";
import type { Command } from "commander";
import type { ExitCode } from "../failure.ts";
import { note, printProblems, say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";

type Options = {
  readonly policy: readonly string[];
  readonly flows: string;
  readonly against?: readonly string[];
  readonly inventory?: string;
  readonly essential?: string;
  readonly failOnDeny?: boolean;
  readonly keepGoing?: boolean;
  readonly json?: boolean;
};
/** Edges shown to a person; `--json` has them all. */
const SHOWN_MAX = 30;

export function register(program: Command): void {
  program
    .command("simulate")
    .description("what recorded flows would meet, and what changes")
    .requiredOption("--policy <dir...>", "policy folders or files")
    .requiredOption("--flows <file>", "flow records, NDJSON (.gz too); `-` is standard input")
    .option("--against <dir...>", "the older policy; without it the records' own verdicts are the measure")
    .option("--inventory <file>", "Workload documents, YAML or NDJSON")
    .option("--essential <file>", "the essential flows' configuration")
    .option("--fail-on-deny", "exit 1 where an edge is newly denied")
    .option("--keep-going", "play the rest where a line is wrong")
    .option("--json", "one JSON object")
    .action(run(simulateFile));
}

async function simulateFile(options: Options): Promise<ExitCode> {
  const { createSimulation } = await import("@ringwall/policy");
  const { loadEssential, loadWorld } = await import("./world.ts");
  const { playFile } = await import("./play-file.ts");
  const world = await loadWorld(options.policy, options.inventory);
  const against =
    options.against === undefined ? undefined : await loadWorld(options.against, options.inventory);
  const essential = await loadEssential(options.essential);
  const play = createSimulation(world.set, world.inventory, {
    nowMs: Date.now(),
    ...(essential === undefined ? {} : { essential }),
    ...(against === undefined ? {} : { against }),
  });
  const sets = [world.set, ...(against === undefined ? [] : [against.set])];
  const { bad, stopped } = await playFile(options.flows, play, sets, options.keepGoing === true);
  if (stopped) return 2;
  const result = play.result();
  await printProblems(
    result.problems.map((one) =>
      one.place === undefined ? one : { ...one, place: { ...one.place, file: options.flows } },
    ),
  );
  if (result.unlistedProblems > 0) note(`${result.unlistedProblems} more problems are not listed`);
  if (options.json) sayJson(result);
  else show(result);
  if (bad > 0 || result.problems.length > 0) return 2;
  return options.failOnDeny && result.newlyBlocked.length > 0 ? 1 : 0;
}

function show({ totals, newlyBlocked, newlyAllowed, bySegment, byRule, dropped }: Simulation): void {
  const part = (n: number) =>
    `${n} (${totals.connections === 0 ? 0 : Math.round((1000 * n) / totals.connections) / 10} %)`;
  say(`${totals.records} records, ${totals.connections} connections`);
  say(
    `  allowed ${part(totals.allowed)}, would-block ${part(totals.wouldBlock)}, blocked ${part(totals.blocked)}`,
  );
  showEdges("newly denied", newlyBlocked);
  showEdges("newly allowed", newlyAllowed);
  if (dropped > 0) say(`  ${dropped} further changes are not listed`);
  say("by segment");
  for (const [segment, one] of Object.entries(bySegment))
    say(`  ${segment}: allowed ${one.allowed}, would-block ${one.wouldBlock}, blocked ${one.blocked}`);
  say("by rule");
  for (const [rule, connections] of Object.entries(byRule)) say(`  ${rule}: ${connections}`);
}

function showEdges(title: string, edges: Simulation["newlyBlocked"]): void {
  say(`${title}: ${edges.length} edges`);
  for (const edge of edges.slice(0, SHOWN_MAX))
    say(
      `  ${edge.srcSoftware} on ${edge.src} to ${edge.dstSoftware} on ${edge.dst}, ` +
        `${edge.proto}/${edge.port ?? "any"}: ${edge.outcome}, ${edge.rule} (${edge.connections})`,
    );
  if (edges.length > SHOWN_MAX) say(`  and ${edges.length - SHOWN_MAX} more (--json has them all)`);
}
