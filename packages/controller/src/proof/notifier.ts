import type { Hub } from "../api/agents/hub.ts";
import { NOTIFY_AFTER_MS } from "./limits.ts";

/** `now` for what must not count any more; the rest is told together. */
export type Urgency = "now" | "soon";

/** Whether there is something new for an agent. */
export type Concerns = (workload: string) => boolean;

/** Tells connected agents that there is something new for them to fetch: changes that come close together at once. */
export function createNotifier(
  hub: Hub,
  version: () => number,
): { changed(urgency: Urgency, concerns: Concerns): void; close(): void } {
  let timer: NodeJS.Timeout | null = null;
  let waiting: Concerns[] = [];
  const forget = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const tell = () => {
    forget();
    const told = waiting;
    waiting = [];
    for (const workload of hub.connected())
      if (told.some((concerns) => concerns(workload))) tellVersion(hub, workload, version());
  };
  return {
    changed(urgency, concerns) {
      waiting.push(concerns);
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
