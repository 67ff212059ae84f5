import type { Command } from "commander";
import { note, say, sayJson } from "../output/print.ts";
import { formatClock } from "../output/time.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

export function register(program: Command): void {
  const command = program
    .command("sign-in")
    .description("a link that signs a browser in to the console, once")
    .option("--json", "one JSON object");
  withServerOptions(command).action(
    run(async (options: ServerOptions & { json?: boolean }) => {
      const { openApi } = await import("../server/api.ts");
      const { signInReply } = await import("@ringwall/protocol/rest");
      const reply = await openApi(options).send("POST", "/api/v1/sign-in-links", {}, signInReply);
      if (options.json) sayJson(reply);
      else {
        say(reply.url);
        note(`works once, until ${formatClock(reply.expires)}`);
      }
      return 0;
    }),
  );
}
