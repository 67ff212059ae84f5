import type { Command } from "commander";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";
import { type ConfirmOptions, confirmBody, withConfirmOption } from "./confirm-within.ts";

type Options = ServerOptions & ConfirmOptions & { readonly note?: string; readonly json?: boolean };

export function register(program: Command): void {
  const command = program
    .command("provision")
    .description("put the draft in force on every host, until confirmed")
    .option("--note <text>", "why, for `ringwall get revisions`")
    .option("--json", "one JSON object");
  withServerOptions(withConfirmOption(command)).action(
    run(async (options: Options) => {
      const { requestChange } = await import("./change.ts");
      const body = { ...confirmBody(options), ...(options.note === undefined ? {} : { note: options.note }) };
      return requestChange(options, "/api/v1/provision", body);
    }),
  );
}
