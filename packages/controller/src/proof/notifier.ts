import type { Hub } from "../api/agents/hub.ts";
import { NOTIFY_AFTER_MS } from "./limits.ts";

/** `now` for what must not count any more; the rest is told together. */
export type Urgency = "now" | "soon";

/** Tells every connected agent that there is something new to fetch: changes that come close together at once. */
export function createNotifier(
  hub: Hub,
  version: () => number,
): { changed(urgency: Urgency): void; close(): void } {
  let timer: NodeJS.Timeout | null = null;
  const forget = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const tell = () => {
    forget();
    for (const workload of hub.connected()) tellVersion(hub, workload, version());
  };
  return {
    changed(urgency) {
      if (urgency === "now") tell();
      else timer ??= setTimeout(tell, NOTIFY_AFTER_MS);
    },
    close: forget,
  };
}

export function tellVersion(hub: Hub, workload: string, version: number): void {
  const value = { $typeName: "ringwall.agent.v1.ProofChanged", version: BigInt(version) } as const;
  hub.send(workload, { case: "proof", value });
}
