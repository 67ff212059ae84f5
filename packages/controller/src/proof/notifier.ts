import type { Hub } from "../api/agents/hub.ts";
import { NOTIFY_AFTER_MS } from "./limits.ts";

/** Tells every connected agent that there is something new to fetch: changes that come close together at once. */
export function createNotifier(hub: Hub, version: () => number): { changed(): void; close(): void } {
  let timer: NodeJS.Timeout | null = null;
  return {
    changed() {
      timer ??= setTimeout(() => {
        timer = null;
        for (const workload of hub.connected()) tellVersion(hub, workload, version());
      }, NOTIFY_AFTER_MS);
    },
    close() {
      if (timer !== null) clearTimeout(timer);
    },
  };
}

export function tellVersion(hub: Hub, workload: string, version: number): void {
  const value = { $typeName: "ringwall.agent.v1.ProofChanged", version: BigInt(version) } as const;
  hub.send(workload, { case: "proof", value });
}
