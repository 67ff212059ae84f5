import type { Command } from "commander";
import { parseSince } from "../output/parse-options.ts";
import { sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

type Options = ServerOptions & { readonly since?: string; readonly json?: boolean };

export function register(program: Command): void {
  const command = program
    .command("drift")
    .description(
      "what was seen and the policy in force does not allow, classed; from files with --policy and --flows",
    )
    .option("--since <duration>", "of this time only, such as 24h, 7d", parseSince)
    .option("--json", "NDJSON, one edge a line");
  withServerOptions(command).action(run(drift));
}

/** Exit code 1 where anything drifted. */
async function drift(options: Options): Promise<0 | 1> {
  const { LONG_ANSWER_MS_MAX, openApi } = await import("../server/api.ts");
  const { driftReply } = await import("@ringwall/protocol/rest");
  const query = { since: options.since };
  const reply = await openApi(options).get("/api/v1/drift", driftReply, query, LONG_ANSWER_MS_MAX);
  if (options.json) reply.edges.forEach(sayJson);
  else {
    const { printDrift } = await import("../review/print-drift.ts");
    await printDrift(reply);
  }
  return reply.edges.length === 0 ? 0 : 1;
}
