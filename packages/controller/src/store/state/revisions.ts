import type { Resource } from "@ringwall/model";
import type { Transaction } from "kysely";
import { sql } from "kysely";
import type { StateDatabase } from "./open.ts";
import type { DraftFile, RevisionState, Tables } from "./tables.ts";

export type Revision = {
  readonly revision: number;
  readonly time: Date;
  readonly author: string;
  readonly note: string;
  readonly state: RevisionState;
  readonly resources: readonly Resource[];
  /** The generation it was last sent under; 0 for the revision every controller begins with. */
  readonly generation: number;
};
/** A revision without its policy. */
export type ListedRevision = Pick<Revision, "revision" | "time" | "author" | "note" | "state"> & {
  readonly segments: number;
  readonly rules: number;
};
export type Pending = {
  readonly revision: number;
  readonly generation: number;
  readonly deadline: Date;
  readonly what: string;
  readonly draftBefore: readonly DraftFile[] | null;
  readonly draftAfter: readonly DraftFile[] | null;
};
/** A change that waits, as it is told of. */
export type Awaited = Pick<Pending, "revision" | "deadline" | "what">;
export type Draft = {
  readonly files: readonly DraftFile[];
  readonly basedOn: number;
  /** Another one each time the draft is saved. */
  readonly version: string;
};
/** What the draft may hold of a change that may be taken back: what waited at the moment it was read. */
export type BesideDraft = { readonly awaited: Awaited | null };
type Access = StateDatabase | Transaction<Tables>;

const LISTED_COLUMNS = ["revision", "time", "author", "note", "state", "segments", "rules"] as const;
const COLUMNS = ["revision", "time", "author", "note", "state", "resources", "generation"] as const;
/** The transaction that wrote the row. */
const DRAFT_VERSION = sql<string>`draft.xmin::text`.as("version");
const DRAFT_COLUMNS = ["files", "based_on", DRAFT_VERSION] as const;
const AWAITED_COLUMNS = ["revision", "deadline", "what"] as const;

export async function loadLive(db: Access): Promise<Revision> {
  return db.selectFrom("revisions").select(COLUMNS).where("state", "=", "live").executeTakeFirstOrThrow();
}

export async function loadRevision(db: Access, revision: number): Promise<Revision | null> {
  const row = await db
    .selectFrom("revisions")
    .select(COLUMNS)
    .where("revision", "=", revision)
    .executeTakeFirst();
  return row ?? null;
}

/** Newest first. */
export async function loadRevisions(db: Access, limit: number): Promise<readonly ListedRevision[]> {
  return db.selectFrom("revisions").select(LISTED_COLUMNS).orderBy("revision", "desc").limit(limit).execute();
}

/** The live revision before the live one: what `rollback` without a number means. */
export async function loadFormerLive(db: Access): Promise<Revision | null> {
  const row = await db
    .selectFrom("revisions")
    .select(COLUMNS)
    .where("state", "=", "superseded")
    .orderBy("revision", "desc")
    .limit(1)
    .executeTakeFirst();
  return row ?? null;
}

/** What the changes are called that went live after the revision `after`, up to `until`. */
export async function loadWentLive(db: Access, after: number, until: number): Promise<readonly string[]> {
  const rows = await db
    .selectFrom("revisions")
    .select("what")
    .where("state", "in", ["live", "superseded"])
    .where("revision", ">", after)
    .where("revision", "<=", until)
    .execute();
  return rows.map(({ what }) => what);
}

export async function loadPending(db: Access): Promise<Pending | null> {
  const row = await db.selectFrom("pending").selectAll().executeTakeFirst();
  if (row === undefined) return null;
  const { revision, generation, deadline, what } = row;
  return { revision, generation, deadline, what, draftBefore: row.draft_before, draftAfter: row.draft_after };
}

export async function loadDraft(db: Access): Promise<Draft & BesideDraft> {
  const row = await draftWithAwaited(db).select(DRAFT_COLUMNS).executeTakeFirstOrThrow();
  return { files: row.files, basedOn: row.based_on, version: row.version, awaited: awaitedOf(row) };
}

/** The draft's version, without reading the rest of it. */
export async function loadDraftVersion(db: Access): Promise<Pick<Draft, "version"> & BesideDraft> {
  const row = await draftWithAwaited(db).select(DRAFT_VERSION).executeTakeFirstOrThrow();
  return { version: row.version, awaited: awaitedOf(row) };
}

// INVARIANT: one statement, so that both are of one moment: a change that waits is stored with the draft that goes with it.
function draftWithAwaited(db: Access) {
  return db
    .selectFrom("draft")
    .leftJoin("pending", (join) => join.onTrue())
    .select(AWAITED_COLUMNS);
}

function awaitedOf({
  revision,
  deadline,
  what,
}: { [Key in keyof Awaited]: Awaited[Key] | null }): Awaited | null {
  return revision === null || deadline === null || what === null ? null : { revision, deadline, what };
}

/** The draft, held until the transaction ends: what is read is what is written over. */
export async function loadDraftToChange(transaction: Transaction<Tables>): Promise<Draft> {
  const row = await transaction
    .selectFrom("draft")
    .select(DRAFT_COLUMNS)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return { files: row.files, basedOn: row.based_on, version: row.version };
}

export async function saveDraft(db: Access, files: readonly DraftFile[], basedOn: number): Promise<void> {
  await db
    .updateTable("draft")
    .set({ files: JSON.stringify(files), based_on: basedOn, changed_at: new Date() })
    .execute();
}

/** The next generation: above every one before, whatever becomes of the change it is for. */
export async function nextGeneration(db: Access): Promise<number> {
  const { rows } = await sql<{ generation: number }>`SELECT nextval('generations') AS generation`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error("bug: a sequence without a value");
  return row.generation;
}

/** Lifts the sequence, so that the next generation is above `generation`. */
export async function raiseGenerations(db: Access, generation: number): Promise<void> {
  await sql`SELECT setval('generations', greatest(${generation}, (SELECT last_value FROM generations)))`.execute(
    db,
  );
}

/** Counts what revisions hold that were stored by versions which did not; some at a time, as their policies may be large. */
export async function countRevisions(db: StateDatabase): Promise<void> {
  const EACH = 20;
  const count = sql`
    UPDATE revisions SET
      segments = jsonb_array_length(jsonb_path_query_array(resources, '$[*] ? (@.kind == "Segment")')),
      rules = jsonb_array_length(jsonb_path_query_array(resources, '$[*] ? (@.kind == "Policy").spec.rules[*]'))
    WHERE revision IN (SELECT revision FROM revisions WHERE segments IS NULL LIMIT ${EACH})`;
  for (let counted = 1n; counted > 0n; ) counted = (await count.execute(db)).numAffectedRows ?? 0n;
}

export async function insertRevision(
  db: Access,
  revision: {
    readonly author: string;
    readonly note: string;
    readonly what: string;
    readonly state: "unconfirmed" | "live";
    readonly resources: readonly Resource[];
    readonly generation: number;
  },
): Promise<number> {
  if (revision.state === "live") await supersedeLive(db);
  const row = await db
    .insertInto("revisions")
    .values({
      revision: sql<number>`(SELECT max(revision) + 1 FROM revisions)`,
      author: revision.author,
      note: revision.note,
      what: revision.what,
      state: revision.state,
      resources: JSON.stringify(revision.resources),
      generation: revision.generation,
      segments: revision.resources.filter(({ kind }) => kind === "Segment").length,
      rules: revision.resources.reduce(
        (sum, one) => sum + (one.kind === "Policy" ? one.spec.rules.length : 0),
        0,
      ),
    })
    .returning("revision")
    .executeTakeFirstOrThrow();
  return row.revision;
}

export async function savePending(db: Access, pending: Pending): Promise<void> {
  await db
    .insertInto("pending")
    .values({
      revision: pending.revision,
      generation: pending.generation,
      deadline: pending.deadline,
      what: pending.what,
      draft_before: pending.draftBefore === null ? null : JSON.stringify(pending.draftBefore),
      draft_after: pending.draftAfter === null ? null : JSON.stringify(pending.draftAfter),
    })
    .execute();
}

/** What waited becomes the live revision. */
export async function confirmPending(db: Access, revision: number): Promise<void> {
  await supersedeLive(db);
  await db.updateTable("revisions").set({ state: "live" }).where("revision", "=", revision).execute();
  await db.deleteFrom("pending").execute();
}

/** What waited is taken back; the live revision never stopped being so, and is sent anew under `generation`. */
export async function revertPending(db: Access, revision: number, generation: number): Promise<void> {
  await db.updateTable("revisions").set({ state: "reverted" }).where("revision", "=", revision).execute();
  await db.updateTable("revisions").set({ generation }).where("state", "=", "live").execute();
  await db.deleteFrom("pending").execute();
}

async function supersedeLive(db: Access): Promise<void> {
  await db.updateTable("revisions").set({ state: "superseded" }).where("state", "=", "live").execute();
}
