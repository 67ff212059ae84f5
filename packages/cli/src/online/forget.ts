import type { Command } from "commander";
import { say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

type Options = ServerOptions & { readonly json?: boolean };

export function register(program: Command): void {
  const command = program
    .command("forget")
    .description("forget a workload: its certificate and its proofs count for nothing from now on")
    .argument("<workload>", "the workload's name")
    .option("--json", "one JSON object");
  withServerOptions(command).action(run(forget));
}

async function forget(workload: string, options: Options): Promise<0> {
  const { openApi } = await import("../server/api.ts");
  const { workloadRemovedReply } = await import("@ringwall/protocol/rest");
  const path = `/api/v1/workloads/${encodeURIComponent(workload)}`;
  const reply = await openApi(options).send("DELETE", path, undefined, workloadRemovedReply);
  if (options.json) sayJson(reply);
  else say(`${reply.removed} is forgotten: its agent has to enrol again, with a new token`);
  return 0;
}
