import type { LearnReport } from "@ringwall/learner";
import { fail, ok, type Result } from "@ringwall/model";
import { resourcesOf } from "@ringwall/policy";
import type { LearnReply } from "@ringwall/protocol/rest";
import type { UserServices } from "../api/users/services.ts";
import { worldOf } from "../jobs/compile-fleet.ts";
import { resourcesOfDraft, sameFiles, textOf } from "../jobs/draft.ts";
import { draftEdit } from "../jobs/draft-edit.ts";
import { keptByPeople, type LearnOptions } from "../jobs/learn.ts";
import { draftChanged } from "../jobs/meanwhile.ts";
import { loadStarted } from "../jobs/started.ts";
import type { Seen } from "../jobs/window.ts";
import { loadWindow } from "../jobs/window.ts";
import { type Refusal, refusal } from "../refusal.ts";
import { recordAudit } from "../store/state/audit.ts";
import { forgetRejections, loadReviews, type Proposal, saveProposal } from "../store/state/proposals.ts";
import { loadDraftToChange, saveDraft } from "../store/state/revisions.ts";
import type { DraftFile } from "../store/state/tables.ts";
import { EDGES, type UserServicesParts, worldInForce } from "./parts.ts";

type Body = Parameters<UserServices["learn"]>[0];
/** A proposal with the draft that it makes. */
type Made = {
  readonly proposal: Omit<Proposal, "madeAt" | "madeBy">;
  readonly files: readonly DraftFile[];
};

/** The learner: proposes the draft anew, or what it lacks, and says what drifted. */
export function createLearning(parts: UserServicesParts): Pick<UserServices, "learn" | "drift"> {
  const { db, drafts, flows, changes, ask } = parts;
  return {
    async learn(body, actor) {
      const before = await drafts.load();
      const reviews = body.askAgain === true ? [] : await loadReviews(db);
      const options: LearnOptions = {
        tightness: body.tightness,
        seed: body.seed,
        essential: essentialEnds(parts),
        execs: body.programs === true ? await loadStarted(flows) : [],
        rejected: reviews.filter(({ state }) => state === "rejected").map(({ rejection }) => rejection),
      };
      const made =
        body.update === true
          ? await proposeUpdate(parts, body, before, options)
          : await proposeNew(parts, body, before, options);
      if (!made.ok) return made;
      const { proposal, files } = made.value;
      if (body.keepDraft !== true) {
        const { revision } = changes.live();
        const proposed = resourcesOfDraft(await drafts.parse(files));
        const edit = draftEdit(resourcesOfDraft(before.parsed), proposed, revision);
        const saved = await db.transaction().execute(async (transaction) => {
          const now = await loadDraftToChange(transaction);
          if (!sameFiles(now.files, before.files)) return false;
          await saveDraft(transaction, files, revision);
          await recordAudit(transaction, actor.name, "learn", edit);
          if (body.askAgain === true) await forgetRejections(transaction);
          await saveProposal(transaction, { ...proposal, madeBy: actor.name });
          return true;
        });
        if (!saved) return fail(draftChanged());
        parts.onChange();
      }
      return ok(replyOf(proposal, files));
    },
    async drift(since) {
      const { set, inventory } = worldInForce(parts);
      const { seen } = await loadWindow(flows, inventory, { since, ...EDGES });
      const world = { resources: resourcesOf(set), workloads: inventory.workloads };
      const options = { essential: essentialEnds(parts) };
      const { allowed, drifted, replicas } = await ask({ kind: "drift", seen, world, options });
      return {
        allowed,
        edges: drifted.map(({ edge, class: kind, words, connections }) => ({
          source: edge.src,
          sourceSoftware: edge.srcSoftware,
          destination: edge.dst,
          destinationSoftware: edge.dstSoftware,
          port: edge.port,
          class: kind,
          words,
          connections,
        })),
        replicas: replicas.map(({ workload, segment, words }) => ({ workload, segment, words })),
      };
    },
  };
}

type Before = Awaited<ReturnType<UserServicesParts["drafts"]["load"]>>;

/** All anew, but for what people wrote and the learner doesn't write. */
async function proposeNew(
  parts: UserServicesParts,
  body: Body,
  before: Before,
  options: LearnOptions,
): Promise<Result<Made, Refusal>> {
  const drafted = resourcesOfDraft(before.parsed);
  const { inventory } = worldInForce(parts);
  const { seen, truncated } = await loadWindow(parts.flows, inventory, { since: body.since, ...EDGES });
  const kept = keptByPeople(drafted);
  const found = await parts.ask({ kind: "learn", seen, inventory: inventory.workloads, options, kept });
  const report = withTruncation(found.report, seen, truncated);
  return ok({
    proposal: {
      kind: "new",
      since: body.since ?? null,
      resources: found.resources,
      edits: [],
      fresh: report.segments.map(({ name }) => name),
      report,
    },
    files: found.files,
  });
}

/** Only what the draft lacks: edits in people's text, and a file of its own for what is new. */
async function proposeUpdate(
  parts: UserServicesParts,
  body: Body,
  before: Before,
  options: LearnOptions,
): Promise<Result<Made, Refusal>> {
  if (!before.parsed.ok) return before.parsed;
  const drafted = before.parsed.value;
  const world = worldOf(drafted, parts.fleet);
  if (!world.ok) {
    const detail = "the draft does not fit the workloads that are enrolled";
    return fail(refusal(422, "policy-refused", detail, { problems: world.error }));
  }
  const { workloads } = world.value.inventory;
  const { seen, truncated } = await loadWindow(parts.flows, world.value.inventory, {
    since: body.since,
    ...EDGES,
  });
  const plain = { resources: drafted, workloads };
  const found = await parts.ask({ kind: "update", seen, world: plain, options, files: before.files });
  if (found === null) throw new Error("bug: a world whose workloads are not distinct");
  const report = withTruncation(found.report, seen, truncated);
  return ok({
    proposal: {
      kind: "update",
      since: body.since ?? null,
      resources: [...drafted, ...found.added],
      edits: found.edits,
      fresh: found.added.filter(({ kind }) => kind === "Segment").map(({ metadata }) => metadata.name),
      report,
    },
    files: found.files,
  });
}

function withTruncation(report: LearnReport, seen: readonly Seen[], truncated: boolean): LearnReport {
  if (!truncated) return report;
  const note = `the window holds more than ${seen.length} edges; the oldest were left out: ask for less time`;
  return { ...report, notes: [...report.notes, note] };
}

function replyOf({ resources, edits, report }: Made["proposal"], files: readonly DraftFile[]): LearnReply {
  return { resources: [...resources], text: textOf(files), report: { ...report, edits } };
}

function essentialEnds({ essential }: UserServicesParts): LearnOptions["essential"] {
  const { addresses, port } = essential.controller;
  return addresses.map((ip) => ({ ip, port }));
}
