import type { Resource, Software } from "@ringwall/model";
import { inventoryOf, policySetOf } from "@ringwall/policy";
import type { Hub } from "../api/agents/hub.ts";
import type { ControllerEvent } from "../api/users/services.ts";
import type { NewAlert } from "../jobs/alerts.ts";
import type { Changes } from "../jobs/changes/changes.ts";
import { type World, worldOf } from "../jobs/compile-fleet.ts";
import { resourcesOfDraft } from "../jobs/draft.ts";
import type { DraftReader } from "../jobs/draft-reader.ts";
import type { Drills } from "../jobs/drill/drills.ts";
import type { EssentialSource } from "../jobs/essential.ts";
import type { Rollout } from "../jobs/rollout.ts";
import type { Shadows } from "../jobs/shadow/shadows.ts";
import { EDGE_SLOT_SECONDS } from "../jobs/window.ts";
import type { Asker } from "../jobs/worker/ask.ts";
import type { PolicyAsker } from "../jobs/worker/policies.ts";
import type { Authority } from "../pki/authority.ts";
import type { Proofs } from "../proof/proofs-parts.ts";
import { CONNECTION_ROWS_MAX } from "../store/flows/connections.ts";
import type { FlowStore } from "../store/flows/flow-store.ts";
import type { Credentials } from "../store/state/credentials.ts";
import type { Fleet } from "../store/state/fleet.ts";
import type { StateDatabase } from "../store/state/open.ts";

/** What the users' services are made of. */
export type UserServicesParts = {
  readonly db: StateDatabase;
  readonly fleet: Fleet;
  readonly flows: FlowStore;
  readonly hub: Hub;
  readonly changes: Changes;
  readonly rollout: Rollout;
  readonly proofs: Proofs;
  readonly shadows: Shadows;
  readonly drills: Drills;
  readonly drafts: DraftReader;
  /** For changes of what is in force. */
  readonly askPolicy: PolicyAsker;
  readonly ask: Asker;
  readonly authority: Authority;
  readonly credentials: Credentials;
  readonly essential: EssentialSource;
  readonly usersUrl: () => string;
  readonly agentsUrl: () => string;
  readonly listen: (listener: (event: ControllerEvent) => void) => () => void;
  readonly alert: (alerts: readonly NewAlert[]) => Promise<void>;
  readonly onChange: () => void;
};

/** Both ends' reports matched as edges: one row for the whole time. */
export const EDGES = { slotSeconds: EDGE_SLOT_SECONDS, perSlot: false, limit: CONNECTION_ROWS_MAX } as const;

/** The world in force, for questions: a duplicate name must not take the whole console away. */
export function worldInForce({ changes, fleet }: UserServicesParts): World {
  const { resources } = changes.inForce();
  const world = worldOf(resources, fleet);
  if (world.ok) return world.value;
  const inventory = inventoryOf(fleet.workloads());
  if (!inventory.ok) throw new Error("bug: two agents with one name");
  return { set: policySetOf(resources), inventory: inventory.value };
}

/** Software resources that programs are called by: what is in force, then what the draft adds. */
export async function namingSoftware({ changes, drafts }: UserServicesParts): Promise<readonly Software[]> {
  const { parsed } = await drafts.load();
  const softwareOf = (resources: readonly Resource[]) => resources.filter((one) => one.kind === "Software");
  const inForce = softwareOf(changes.inForce().resources);
  const names = new Set(inForce.map((one) => one.metadata.name));
  return [...inForce, ...softwareOf(resourcesOfDraft(parsed)).filter((one) => !names.has(one.metadata.name))];
}
