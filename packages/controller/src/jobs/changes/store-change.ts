import { fail, ok, type Problem, type Resource, type Result } from "@ringwall/model";
import type { Transaction } from "kysely";
import { type Refusal, refusal } from "../../refusal.ts";
import { recordAudit } from "../../store/state/audit.ts";
import type { Fleet } from "../../store/state/fleet.ts";
import { keepFormer } from "../../store/state/host-policies.ts";
import type { StateDatabase } from "../../store/state/open.ts";
import {
  insertRevision,
  loadDraftToChange,
  nextGeneration,
  saveDraft,
  savePending,
} from "../../store/state/revisions.ts";
import type { DraftFile, Tables } from "../../store/state/tables.ts";
import { type CompiledHost, compileFleet, compileProblems, worldOf } from "../compile-fleet.ts";
import { sameFiles } from "../draft.ts";
import { type EssentialSource, essentialOfFleet } from "../essential.ts";
import { draftChanged } from "../meanwhile.ts";
import type { Rollout } from "../rollout.ts";
import type { PolicyAsker } from "../worker/policies.ts";

/** A change of what is in force, as it is asked for. */
export type Change = {
  readonly resources: readonly Resource[];
  readonly what: string;
  readonly note: string;
  readonly author: string;
  /** Null: final at once, since nothing can break by it. */
  readonly confirmWithinSeconds: number | null;
  /** The live revision that it was made from: refused where another is live by now. */
  readonly basedOn: number;
  /** The draft that goes with the change, put back with it. Null: it stays as it is. */
  readonly draft: DraftChange | null;
  readonly warnings: readonly string[];
};

export type DraftChange = {
  readonly before: readonly DraftFile[];
  readonly after: readonly DraftFile[];
  /** What becomes of the change where somebody has written another draft meanwhile. */
  readonly otherwise: "refuse" | "leave-draft";
};

export type StoredChange = {
  readonly revision: number;
  readonly generation: number;
  readonly hosts: readonly string[];
  readonly compiled: readonly CompiledHost[];
};

export type StoreChangeParts = {
  readonly db: StateDatabase;
  readonly fleet: Fleet;
  readonly rollout: Rollout;
  readonly essential: EssentialSource;
  readonly askPolicy: PolicyAsker;
};

/** Compiles for every host and stores a change that was judged, in one transaction or not at all. */
export async function storeChange(
  parts: StoreChangeParts,
  change: Change,
): Promise<Result<StoredChange, Refusal>> {
  try {
    return ok(await parts.db.transaction().execute((transaction) => write(transaction, parts, change)));
  } catch (error) {
    if (error instanceof RefusedInTransaction) return fail(error.refusal);
    throw error;
  }
}

/** The warnings, where nothing else is wrong. Takes long, and changes nothing. */
export async function judgeChange(
  { fleet, essential, askPolicy }: StoreChangeParts,
  { resources, warnings }: Change,
): Promise<Result<readonly string[], Refusal>> {
  const world = worldOf(resources, fleet);
  if (!world.ok) return fail(policyRefused(world.error));
  const found = await askPolicy({
    kind: "check",
    world: { resources, workloads: world.value.inventory.workloads },
    options: {
      essential: essentialOfFleet(essential, fleet.all()),
      nowMs: Date.now(),
      ...(fleet.all().some((agent) => fleet.isProving(agent.name)) ? {} : { proof: "unavailable" as const }),
    },
  });
  if (found.some((one) => one.severity === "error")) return fail(policyRefused(found));
  return ok([...found.map((one) => one.message), ...warnings]);
}

async function write(
  transaction: Transaction<Tables>,
  { fleet, rollout, essential }: StoreChangeParts,
  change: Change,
): Promise<StoredChange> {
  const seconds = change.confirmWithinSeconds;
  const generation = await nextGeneration(transaction);
  const revision = await insertRevision(transaction, {
    ...change,
    generation,
    state: seconds === null ? "live" : "unconfirmed",
  });
  // Hosts may have enrolled since it was judged.
  const world = worldOf(change.resources, fleet);
  if (!world.ok) throw new RefusedInTransaction(policyRefused(world.error));
  const compiled = await compileFleet(world.value, revision, fleet.all(), essential, Date.now());
  const compiles = compileProblems(compiled);
  if (!compiles.ok) throw new RefusedInTransaction(policyRefused(compiles.error));
  if (seconds !== null) await keepFormer(transaction);
  const hosts = await rollout.store(transaction, compiled, revision, generation);
  const { files, basedOn } = await loadDraftToChange(transaction);
  const draft = change.draft !== null && sameFiles(files, change.draft.before) ? change.draft.after : null;
  if (draft === null && change.draft?.otherwise === "refuse") throw new RefusedInTransaction(draftChanged());
  const draftAfter = draft ?? files;
  await saveDraft(transaction, draftAfter, draft === null ? basedOn : revision);
  if (seconds !== null) {
    const deadline = new Date(Date.now() + seconds * 1000);
    const { what } = change;
    await savePending(transaction, { revision, generation, deadline, what, draftBefore: files, draftAfter });
  }
  await recordAudit(transaction, change.author, change.what, { revision, generation });
  return { revision, generation, hosts, compiled };
}

/** Rolls the transaction back. */
class RefusedInTransaction extends Error {
  readonly refusal: Refusal;
  constructor(why: Refusal) {
    super(why.detail);
    this.refusal = why;
  }
}

function policyRefused(problems: readonly Problem[]): Refusal {
  return refusal(422, "policy-refused", "the policy has errors, so that it was not provisioned", {
    problems,
    fix: "put right what the problems name; what is in force stays in force",
  });
}
