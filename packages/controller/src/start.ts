import type { Controller, ControllerOptions } from "./options.ts";
import { ControllerStartError } from "./start-error.ts";

/** Starts the controller: stores, both APIs and jobs. Throws `ControllerStartError` for what a person can put right. */
export async function startController(options: ControllerOptions): Promise<Controller> {
  throw new ControllerStartError(
    "not-built",
    `the controller for \`${options.dataDir}\` can't start yet: its stores are not in this build`,
    "use a newer build",
  );
}
