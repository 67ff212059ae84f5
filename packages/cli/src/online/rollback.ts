import type { Command } from "commander";
import { parseWhole } from "../output/parse-options.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";
import { type ConfirmOptions, confirmBody, withConfirmOption } from "./confirm-within.ts";

type Options = ServerOptions & ConfirmOptions & { readonly json?: boolean };

export function register(program: Command): void {
  const command = program
    .command("rollback")
    .description("put an earlier revision in force again; without a number, the one before")
    .argument(
      "[revision]",
      "its number, as `ringwall get revisions` shows",
      parseWhole(0, Number.MAX_SAFE_INTEGER),
    )
    .option("--json", "one JSON object");
  withServerOptions(withConfirmOption(command)).action(
    run(async (revision: number | undefined, options: Options) => {
      const { requestChange } = await import("./change.ts");
      const body = { ...confirmBody(options), ...(revision === undefined ? {} : { revision }) };
      return requestChange(options, "/api/v1/rollback", body);
    }),
  );
}
