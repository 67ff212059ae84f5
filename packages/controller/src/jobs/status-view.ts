import type { StatusView } from "@ringwall/protocol/rest";
import type { UserServicesParts } from "../services/parts.ts";
import { flowsLostOf } from "../store/state/fleet.ts";
import { proposedAt } from "../store/state/proposals.ts";
import { pendingView } from "./changes/changes.ts";

export const VERSION = "0.1.0";

/** What is live, what waits, and who is behind. */
export async function statusOf(parts: UserServicesParts): Promise<StatusView> {
  const { db, fleet, flows, hub, changes, rollout, drafts, proofs } = parts;
  const live = changes.live();
  const agents = fleet.all();
  const wanted = agents.map((agent) => rollout.wanted(agent.name)?.generation ?? 0);
  return {
    version: VERSION,
    revision: live.revision,
    generation: changes.generation(),
    draftChanged: await drafts.differsFrom(live.resources),
    pending: pendingView(changes.pending()),
    agents: {
      connected: hub.connected().length,
      enrolled: agents.length,
      behind: agents.filter((agent, index) => agent.generation < (wanted[index] ?? 0)).length,
      awaited: proofs.awaited().size,
    },
    flows: {
      stored: await flows.count(),
      lost: agents.reduce((sum, agent) => sum + flowsLostOf(agent), 0),
    },
    proposedAt: (await proposedAt(db))?.toISOString() ?? null,
    consoleUrl: parts.usersUrl(),
  };
}
