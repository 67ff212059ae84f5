import type { Command } from "commander";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";
import { orderPause } from "./pause.ts";

export function register(program: Command): void {
  const command = program
    .command("resume")
    .description("end a pause: the host enforces again now")
    .argument("<workload>", "the host's name")
    .option("--json", "one JSON object");
  withServerOptions(command).action(
    run((workload: string, options: ServerOptions & { json?: boolean }) => orderPause(workload, 0, options)),
  );
}
