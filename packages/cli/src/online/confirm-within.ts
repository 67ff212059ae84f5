import type { Command } from "commander";
import { parseSeconds } from "../output/parse-options.ts";

/** As packages/protocol has them (a test compares): not imported here, so that `--help` stays quick. */
export const CONFIRM_SECONDS_MIN = 5;
export const CONFIRM_SECONDS_MAX = 3600;

export type ConfirmOptions = { readonly confirmWithin?: number };

/** Adds `--confirm-within`: how long a risky change stays without `ringwall confirm`. */
export function withConfirmOption(command: Command): Command {
  return command.option(
    "--confirm-within <duration>",
    "it reverts by itself after this time unless confirmed (default: 60s)",
    parseSeconds(CONFIRM_SECONDS_MIN, CONFIRM_SECONDS_MAX),
  );
}

/** The option as the controller takes it. */
export function confirmBody(options: ConfirmOptions): { confirmWithinSeconds?: number } {
  return options.confirmWithin === undefined ? {} : { confirmWithinSeconds: options.confirmWithin };
}
