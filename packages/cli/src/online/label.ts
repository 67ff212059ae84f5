import type { Command } from "commander";
import { failure } from "../failure.ts";
import { say } from "../output/print.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

export function register(program: Command): void {
  const command = program
    .command("label")
    .description("give a workload labels, or take them away")
    .argument("<workload>", "the workload's name")
    .argument("<change...>", "`KEY=VALUE` to set, `KEY-` to take away");
  withServerOptions(command).action(run(label));
}

async function label(workload: string, changes: string[], options: ServerOptions): Promise<0> {
  const { openApi } = await import("../server/api.ts");
  const { workloadView } = await import("@ringwall/protocol/rest");
  const { z } = await import("zod");
  const api = openApi(options);
  const { workloads } = await api.get("/api/v1/workloads", z.object({ workloads: z.array(workloadView) }));
  const found = workloads.find((one) => one.name === workload);
  if (found === undefined) {
    throw failure("unknown-workload", `no workload \`${workload}\``, "`ringwall get workloads` lists them");
  }
  const labels = changeLabels(found.labels, changes);
  const path = `/api/v1/workloads/${encodeURIComponent(workload)}/labels`;
  const reply = await api.send("PUT", path, { labels }, workloadView);
  const words = Object.entries(reply.labels).map(([key, value]) => `${key}=${value}`);
  say(`${workload}: ${words.join(", ") || "no labels"}`);
  return 0;
}

/** The labels after `KEY=VALUE` and `KEY-` changes, in order. Throws Failure for a change that is neither. */
export function changeLabels(
  labels: Readonly<Record<string, string>>,
  changes: readonly string[],
): Record<string, string> {
  const result = new Map(Object.entries(labels));
  for (const change of changes) {
    const at = change.indexOf("=");
    if (at > 0) result.set(change.slice(0, at), change.slice(at + 1));
    else if (at < 0 && change.length > 1 && change.endsWith("-")) result.delete(change.slice(0, -1));
    else
      throw failure(
        "bad-label",
        `\`${change}\` is no change of a label`,
        "write `KEY=VALUE` to set one, `KEY-` to take one away",
      );
  }
  return Object.fromEntries(result);
}
