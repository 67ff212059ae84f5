import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { CARRIED_MAX } from "../kernel/carrying.ts";
import { saveFile } from "../state/save-file.ts";

const stored = z.object({ workload: z.int().min(1).max(CARRIED_MAX) });

/** The numbers by which the kernel knows what a host carries; an agent that was restarted finds its forerunner's. */
export type WorkloadNumbers = {
  /** The number of the container whose state is in this folder, or a free one; undefined where all are taken. */
  readonly take: (stateDir: string) => Promise<number | undefined>;
  readonly free: (workload: number) => void;
  readonly taken: () => ReadonlySet<number>;
};

export function createWorkloadNumbers(): WorkloadNumbers {
  const taken = new Set<number>();

  function lowestFree(): number | undefined {
    for (let workload = 1; workload <= CARRIED_MAX; workload++) if (!taken.has(workload)) return workload;
    return undefined;
  }

  return {
    take: async (stateDir) => {
      const before = await load(join(stateDir, "workload.json"));
      // From here to `add` nothing comes in between.
      const workload = before === undefined || taken.has(before) ? lowestFree() : before;
      if (workload === undefined) return undefined;
      taken.add(workload);
      if (workload !== before)
        await saveFile(join(stateDir, "workload.json"), `${JSON.stringify({ workload })}\n`, 0o600);
      return workload;
    },
    free: (workload) => taken.delete(workload),
    taken: () => taken,
  };
}

async function load(file: string): Promise<number | undefined> {
  try {
    return stored.parse(JSON.parse(await readFile(file, "utf8"))).workload;
  } catch {
    return undefined;
  }
}
