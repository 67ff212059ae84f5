import type { Command } from "commander";
import { cleanLines } from "../output/clean.ts";
import { note, say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

export function register(program: Command): void {
  const command = program
    .command("draft")
    .description("print the draft as YAML: what `provision` would put in force")
    .option("--json", "NDJSON, one resource a line");
  withServerOptions(command).action(
    run(async (options: ServerOptions & { json?: boolean }) => {
      const { openApi } = await import("../server/api.ts");
      const { draftReply } = await import("@ringwall/protocol/rest");
      const reply = await openApi(options).get("/api/v1/draft", draftReply);
      if (options.json) reply.resources.forEach(sayJson);
      else if (reply.resources.length === 0)
        note("the draft is empty: `ringwall learn` proposes one, `ringwall apply DIR` takes yours");
      else say(cleanLines(reply.text.trimEnd()));
      return 0;
    }),
  );
}
