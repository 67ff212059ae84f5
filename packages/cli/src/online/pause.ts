import type { Command } from "commander";
import { PAUSE_SECONDS_MAX, parseSeconds } from "../output/parse-options.ts";
import { say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

type Options = ServerOptions & { readonly json?: boolean; readonly for: number; readonly reason: string };

export function register(program: Command): void {
  const command = program
    .command("pause")
    .description(
      "break-glass: refuse nothing on a host for a while; what would be refused is told, and enforcement comes back by itself",
    )
    .argument("<workload>", "the host's name")
    .requiredOption("--for <duration>", "1s to 4h", parseSeconds(1, PAUSE_SECONDS_MAX))
    .option("--reason <text>", "why, for the audit", "")
    .option("--json", "one JSON object");
  withServerOptions(command).action(
    run((workload: string, options: Options) => orderPause(workload, options.for, options)),
  );
}

/** 0 seconds: enforce again. */
export async function orderPause(
  workload: string,
  seconds: number,
  options: ServerOptions & { readonly json?: boolean; readonly reason?: string },
): Promise<0> {
  const { openApi } = await import("../server/api.ts");
  const { pauseReply } = await import("@ringwall/protocol/rest");
  const path = `/api/v1/workloads/${encodeURIComponent(workload)}/pause`;
  const body = { seconds, reason: options.reason ?? "" };
  const reply = await openApi(options).send("POST", path, body, pauseReply);
  if (options.json) sayJson(reply);
  else if (reply.until === null) say(`${workload} enforces again`);
  else say(`nothing is refused on ${workload} until ${reply.until}; then enforcement is back by itself`);
  return 0;
}
