import type { Command } from "commander";
import { sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

export function register(program: Command): void {
  const command = program
    .command("status")
    .description("what is live, what waits for confirmation, which agents are there")
    .option("--json", "one JSON object");
  withServerOptions(command).action(
    run(async (options: ServerOptions & { json?: boolean }) => {
      const { openApi } = await import("../server/api.ts");
      const { kind } = await import("./get/status.ts");
      const answer = await kind.ask(openApi(options), { limit: 1 });
      if (options.json) answer.items.forEach(sayJson);
      else await answer.print(Date.now());
      return 0;
    }),
  );
}
