import { fail, ok, type Resource, type Result } from "@ringwall/model";
import { resourcesOf } from "@ringwall/policy";
import type { UserServices } from "../api/users/services.ts";
import { worldOf } from "../jobs/compile-fleet.ts";
import { resourcesOfDraft, sameFiles, textOf } from "../jobs/draft.ts";
import { draftEdit } from "../jobs/draft-edit.ts";
import { essentialOfFleet } from "../jobs/essential.ts";
import { draftChanged, thinkAgain } from "../jobs/meanwhile.ts";
import { loadWindow } from "../jobs/window.ts";
import { type Refusal, refusal } from "../refusal.ts";
import { recordAudit } from "../store/state/audit.ts";
import { loadDraftToChange, loadRevision, saveDraft } from "../store/state/revisions.ts";
import type { DraftFile } from "../store/state/tables.ts";
import { EDGES, namingSoftware, type UserServicesParts, worldInForce } from "./parts.ts";
import { noSuchRevision } from "./refusals.ts";

/** The draft: read, replaced, played against what was seen. */
export function createDraftServices(
  parts: UserServicesParts,
): Pick<UserServices, "draft" | "replaceDraft" | "simulate"> {
  const { db, fleet, flows, changes, drafts, essential, ask } = parts;
  const replyOf = (files: readonly DraftFile[], resources: readonly Resource[], basedOn: number) => ({
    resources: [...resources],
    text: textOf(files),
    basedOn,
  });
  return {
    async draft() {
      const { files, parsed, basedOn } = await drafts.load();
      return replyOf(files, resourcesOfDraft(parsed), basedOn);
    },
    async replaceDraft(body, actor) {
      // What is replaced is parsed first, since the reader remembers what was parsed last.
      await drafts.load();
      const parsed = await drafts.parse(body.files);
      if (!parsed.ok) return parsed;
      const basedOn = changes.live().revision;
      const saved = await thinkAgain(async () => {
        const before = await drafts.load();
        const edit = draftEdit(resourcesOfDraft(before.parsed), parsed.value, basedOn);
        return db.transaction().execute(async (transaction) => {
          const now = await loadDraftToChange(transaction);
          if (!sameFiles(now.files, before.files)) return fail(draftChanged());
          await saveDraft(transaction, body.files, basedOn);
          await recordAudit(transaction, actor.name, "apply", edit);
          return ok(undefined);
        });
      });
      if (!saved.ok) return saved;
      parts.onChange();
      return ok(replyOf(body.files, parsed.value, basedOn));
    },
    async simulate(body) {
      const resources = await resourcesToSimulate(parts, body.revision);
      if (!resources.ok) return resources;
      const draft = worldOf(resources.value, fleet);
      if (!draft.ok) {
        const detail = "the policy does not fit the workloads that are enrolled";
        return fail(refusal(422, "policy-refused", detail, { problems: draft.error }));
      }
      const live = worldInForce(parts);
      const { seen } = await loadWindow(flows, draft.value.inventory, { since: body.since, ...EDGES });
      const reply = await ask({
        kind: "simulate",
        proof: parts.proofs.facts(),
        seen,
        draft: { resources: resources.value, workloads: draft.value.inventory.workloads },
        live: { resources: resourcesOf(live.set), workloads: live.inventory.workloads },
        essential: essentialOfFleet(essential, fleet.all()),
        software: await namingSoftware(parts),
      });
      return ok(reply);
    },
  };
}

async function resourcesToSimulate(
  { db, drafts }: UserServicesParts,
  revision: number | undefined,
): Promise<Result<readonly Resource[], Refusal>> {
  if (revision === undefined) {
    const { parsed } = await drafts.load();
    return parsed;
  }
  const found = await loadRevision(db, revision);
  return found === null ? fail(noSuchRevision(revision)) : ok(found.resources);
}
