import { fail, type Resource } from "@ringwall/model";
import { CONFIRM_WITHIN_SECONDS_DEFAULT } from "@ringwall/protocol/rest";
import type { UserServices } from "../api/users/services.ts";
import { alreadyPending } from "../jobs/changes/refusals.ts";
import type { DraftChange } from "../jobs/changes/store-change.ts";
import { DRAFT_FILE, withMode } from "../jobs/draft.ts";
import { type EssentialSource, MANAGEMENT_DEFAULT } from "../jobs/essential.ts";
import { liveChanged, thinkAgain } from "../jobs/meanwhile.ts";
import { isModeChange, modeChange, withModesSince } from "../jobs/modes-since.ts";
import { loadDraft, loadFormerLive, loadRevision, loadWentLive } from "../store/state/revisions.ts";
import type { UserServicesParts } from "./parts.ts";
import { noSuchRevision, noSuchSegment, nothingToRollBack } from "./refusals.ts";

/** Changes of what is in force. */
export function createChangeServices(
  parts: UserServicesParts,
): Pick<UserServices, "provision" | "mode" | "confirm" | "rollback"> {
  const { db, changes, drafts, askPolicy, essential } = parts;
  const seconds = (given: number | undefined) => given ?? CONFIRM_WITHIN_SECONDS_DEFAULT;
  const warnings = managementWarnings(essential);
  /** The draft follows a change of the live revision as long as nobody has worked on it. */
  const followed = async (resources: readonly Resource[]): Promise<DraftChange | null> => {
    const { files: before } = await drafts.load();
    if (await drafts.differsFrom(changes.live().resources)) return null;
    const text = await askPolicy({ kind: "format", resources });
    return { before, after: [{ file: DRAFT_FILE, text }], otherwise: "leave-draft" };
  };
  return {
    async provision(body, actor) {
      // Before the draft: a mode that is set later is not in what is read.
      const live = changes.live();
      const { parsed, awaited } = await drafts.load();
      // The draft has what waits in it, also where that is taken back by now.
      if (awaited !== null) return fail(alreadyPending(awaited));
      if (!parsed.ok) return parsed;
      const done = await thinkAgain(async () => {
        const now = changes.live();
        const since = await loadWentLive(db, live.revision, now.revision);
        if (!since.every(isModeChange)) return null;
        const made = withModesSince(parsed.value, live.resources, now.resources);
        return changes.apply({
          resources: made.resources,
          what: "provision",
          note: body.note ?? "",
          author: actor.name,
          confirmWithinSeconds: seconds(body.confirmWithinSeconds),
          basedOn: now.revision,
          draft: null,
          warnings: [...warnings, ...made.warnings],
        });
      });
      return done ?? fail(liveChanged(changes.live().revision));
    },
    mode: (body, actor) =>
      thinkAgain(async () => {
        const live = changes.live();
        const segment = live.resources.find(
          (one) => one.kind === "Segment" && one.metadata.name === body.segment,
        );
        if (segment?.kind !== "Segment") return fail(noSuchSegment(body.segment, live.resources));
        const changed = withMode(segment, body.mode, body.directions);
        const what = modeChange(body.segment, body.mode);
        const { files: before } = await loadDraft(db);
        const after = await askPolicy({ kind: "mode", files: before, segment: changed });
        return changes.apply({
          resources: live.resources.map((one) => (one === segment ? changed : one)),
          what,
          note: what,
          author: actor.name,
          // Nothing can break by observing or alerting.
          confirmWithinSeconds: body.mode === "block" ? seconds(body.confirmWithinSeconds) : null,
          basedOn: live.revision,
          draft: { before, after, otherwise: "refuse" },
          warnings: body.mode === "block" ? warnings : [],
        });
      }),
    confirm: (actor) => changes.confirm(actor.name),
    async rollback(body, actor) {
      // What is meant to be taken back is what is in force now, and not what others put there until it is this one's turn.
      const [live, pending] = [changes.live().revision, changes.pending()];
      if (body.revision === undefined && pending !== null)
        return changes.revertNow(pending.revision, actor.name);
      const target =
        body.revision === undefined ? await loadFormerLive(db) : await loadRevision(db, body.revision);
      if (target === null) {
        return fail(body.revision === undefined ? nothingToRollBack() : noSuchRevision(body.revision));
      }
      const what = `rollback to revision ${target.revision}`;
      return changes.apply({
        resources: target.resources,
        what,
        note: what,
        author: actor.name,
        confirmWithinSeconds: canBlock(target.resources) ? seconds(body.confirmWithinSeconds) : null,
        basedOn: live,
        draft: await followed(target.resources),
        warnings: [],
      });
    },
  };
}

function managementWarnings({ management }: EssentialSource): readonly string[] {
  if (management !== MANAGEMENT_DEFAULT) return [];
  return [
    "the management list is the default: SSH (tcp/22) stays open from every private network; name yours with --management",
  ];
}

/** Whether something under these resources can be refused at all. */
function canBlock(resources: readonly Resource[]): boolean {
  return resources.some((one) => {
    if (one.kind === "Segment")
      return one.spec.mode === "block" || Object.values(one.spec.modes ?? {}).includes("block");
    if (one.kind === "Policy")
      return one.spec.rules.some((rule) => "deny" in rule && rule.enforcement === "immediate");
    return false;
  });
}
