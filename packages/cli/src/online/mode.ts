import { Argument, type Command, Option } from "commander";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";
import { type ConfirmOptions, confirmBody, withConfirmOption } from "./confirm-within.ts";

type Options = ServerOptions &
  ConfirmOptions & { readonly direction?: readonly string[]; readonly json?: boolean };

export function register(program: Command): void {
  const command = program
    .command("mode")
    .description("set a segment's mode: record only, record and alert, or refuse what no rule allows")
    .argument("<segment>", "the segment's name")
    .addArgument(new Argument("<mode>", "the mode").choices(["observe", "alert", "block"]))
    .addOption(
      new Option("--direction <direction...>", "only these; default: all that the segment governs").choices([
        "inbound",
        "outbound",
        "processes",
      ]),
    )
    .option("--json", "one JSON object");
  withServerOptions(withConfirmOption(command)).action(
    run(async (segment: string, mode: string, options: Options) => {
      const { requestChange } = await import("./change.ts");
      const directions = options.direction === undefined ? {} : { directions: options.direction };
      return requestChange(options, "/api/v1/mode", {
        segment,
        mode,
        ...directions,
        ...confirmBody(options),
      });
    }),
  );
}
