import type { Command } from "commander";
import { run } from "../run.ts";
import { withAgentOptions } from "./agent.ts";
import { withControllerOptions } from "./controller.ts";
import type { UpOptions } from "./up/run-up.ts";

export function register(program: Command): void {
  const command = program
    .command("up")
    .description("start the controller, its console and the agent of this host; Ctrl-C ends all of it")
    .option("--no-agent", "the controller and its console only")
    .option(
      "--pin <dir>",
      "folder of a bpffs for the agent's programs and maps (default: /run/ringwall/bpf/agent)",
    );
  withAgentOptions(withControllerOptions(command)).action(
    run(async (options: UpOptions) => (await import("./up/run-up.ts")).runUp(options)),
  );
}
