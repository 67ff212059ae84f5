import type { Command } from "commander";
import { commandName } from "../command-name.ts";
import { note, paint, say, sayJson } from "../output/print.ts";
import { plural } from "../output/size.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

export function register(program: Command): void {
  const command = program
    .command("apply")
    .description("replace the draft by the resources in files; nothing is enforced before `provision`")
    .argument("<path...>", "folders (all .yaml and .yml below) or files")
    .option("--json", "one JSON object");
  withServerOptions(command).action(
    run(async (paths: string[], options: ServerOptions & { json?: boolean }) => {
      const { loadPolicyFiles } = await import("./load-policy-files.ts");
      const { openApi } = await import("../server/api.ts");
      const { draftReply } = await import("@ringwall/protocol/rest");
      const files = loadPolicyFiles(paths);
      const reply = await openApi(options).send("PUT", "/api/v1/draft", { files }, draftReply);
      if (options.json) sayJson(reply);
      else {
        note(
          `the draft now has ${plural(reply.resources.length, "resource")} from ${plural(files.length, "file")}; see what it would break:`,
        );
        say(`  ${paint("bold", `${commandName()} simulate`)}`);
      }
      return 0;
    }),
  );
}
