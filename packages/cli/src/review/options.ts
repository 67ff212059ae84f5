import type { Command } from "commander";
import { ALL } from "./choose-rules.ts";

/** The words that a review takes, the same on files and through the controller. */
export function withReviewOptions(command: Command): Command {
  return command
    .option(
      "--accept <rule...>",
      `rules that are right, by number, \`POLICY/RULE\` or name; \`${ALL}\`: all that are open`,
    )
    .option("--reject <rule...>", "rules that are wrong: out of the policy, and not proposed again")
    .option("--reason <text>", "why they are rejected")
    .option("--reopen <rule...>", "take an earlier word back; a rejected rule returns to the policy");
}
