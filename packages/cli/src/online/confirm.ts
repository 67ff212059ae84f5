import type { Command } from "commander";
import { say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

export function register(program: Command): void {
  const command = program
    .command("confirm")
    .description("keep the change that waits for confirmation")
    .option("--json", "one JSON object");
  withServerOptions(command).action(
    run(async (options: ServerOptions & { json?: boolean }) => {
      const { openApi } = await import("../server/api.ts");
      const { confirmReply } = await import("@ringwall/protocol/rest");
      const reply = await openApi(options).send("POST", "/api/v1/confirm", {}, confirmReply);
      if (options.json) sayJson(reply);
      else say(`revision ${reply.revision} (generation ${reply.generation}) is confirmed and stays in force`);
      return 0;
    }),
  );
}
