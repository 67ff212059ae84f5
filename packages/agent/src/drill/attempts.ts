import type { Canary } from "@ringwall/protocol/agent";
import type { DrillPlace } from "./place.ts";
import { prepareScratch } from "./prepare.ts";
import { commandLineOf, type Target } from "./programs.ts";
import { runCanary, type Told } from "./run-canary.ts";

export type Attempt = {
  readonly canary: string;
  readonly step: string;
  readonly errno: number;
  readonly skipped: string;
};

/** Makes attempts one after the other, until `signal`. What is tried later than that is not reported. */
export async function makeAttempts(
  canaries: readonly Canary[],
  place: DrillPlace,
  target: Target,
  signal: AbortSignal,
): Promise<readonly Attempt[]> {
  const made: Attempt[] = [];
  for (const canary of canaries) {
    if (signal.aborted) return made;
    if (canary.needs.includes("python3") && !place.hasPython) {
      made.push({ canary: canary.id, step: "", errno: 0, skipped: "there is no /usr/bin/python3 here" });
      continue;
    }
    const scratch = `${place.folder}/${canary.id}`;
    await prepareScratch(canary, place.files, scratch);
    const told = await runCanary(
      commandLineOf(canary, place.files, target, canary.id, scratch),
      place.enter,
      signal,
    );
    made.push(attemptOf(canary.id, told));
  }
  return made;
}

/** An attempt that was killed told nothing: whether it arrived is the sink's to say. */
export function attemptOf(canary: string, told: Told): Attempt {
  switch (told.kind) {
    case "end":
      return { canary, step: told.step, errno: told.errno, skipped: "" };
    case "skipped":
      return { canary, step: "", errno: 0, skipped: told.why };
    case "silent":
      return { canary, step: "", errno: 0, skipped: "" };
  }
}
