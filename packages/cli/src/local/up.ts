import type { Command } from "commander";

export function register(program: Command): void {
  program.command("up").description("start the controller and the agent of this host");
}
