import type { Change } from "@ringwall/policy";
import type { Command } from "commander";
import { note, say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";

type Options = { readonly inventory?: string; readonly failOnChange?: boolean; readonly json?: boolean };
/** Names shown of a group of workloads. */
const NAMES_SHOWN_MAX = 4;

export function register(program: Command): void {
  program
    .command("diff")
    .description("what becomes allowed and what becomes denied between two policies")
    .argument("<dirA>", "the policy before")
    .argument("<dirB>", "the policy after")
    .option("--inventory <file>", "Workload documents, YAML or NDJSON, for both")
    .option("--fail-on-change", "exit 1 where anything is decided otherwise")
    .option("--json", "NDJSON, one change a line")
    .action(run(diff));
}

async function diff(dirA: string, dirB: string, options: Options): Promise<0 | 1> {
  const { diffPolicies } = await import("@ringwall/policy");
  const { loadWorld } = await import("./world.ts");
  const { changes, complete } = diffPolicies(
    await loadWorld([dirA], options.inventory),
    await loadWorld([dirB], options.inventory),
  );
  if (options.json) for (const change of changes) sayJson(change);
  else {
    for (const change of changes) say(formatChange(change));
    if (changes.length === 0) say("nothing is decided otherwise");
  }
  if (!complete) note("the comparison stopped at its limit: there may be more changes");
  return options.failOnChange && changes.length > 0 ? 1 : 0;
}

function formatChange({
  becomes,
  src,
  srcSoftware,
  dst,
  dstSoftware,
  proto,
  from,
  to,
  before,
  after,
}: Change): string {
  const group = (names: readonly string[]) =>
    names.length <= NAMES_SHOWN_MAX
      ? names.join(", ")
      : `${names.slice(0, NAMES_SHOWN_MAX).join(", ")} and ${names.length - NAMES_SHOWN_MAX} more`;
  const port = from === to ? `${proto}/${from}` : `${proto}/${from}-${to}`;
  return `${becomes}: ${srcSoftware} on ${group(src)} to ${dstSoftware} on ${group(dst)}, ${port} (${before} before, ${after} now)`;
}
