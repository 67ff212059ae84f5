import { sql } from "kysely";
import { createMutexes } from "../../jobs/mutex.ts";
import type { StateDatabase } from "./open.ts";

/** A certificate of this controller's authority as an agent shows it. */
export type ShownCertificate = {
  readonly serial: string;
  readonly workload: string;
  /** When it was issued, to the second. */
  readonly issuedMs: number;
};

/** The certificates that are good: issued by this controller, not replaced, not run out. */
export type Credentials = {
  /**
   * Of a workload that is enrolled. One that is not stored was issued since the backup that the database was put back from: it
   * is good where it was issued after all that was revoked.
   */
  isGood(certificate: ShownCertificate): boolean;
  /** Rises each time that the workload's certificates are revoked. */
  term(workload: string): number;
  /** False where they were revoked since it was asked for, in that term. */
  save(certificate: {
    readonly serial: string;
    readonly workload: string;
    readonly notAfter: Date;
    readonly term: number;
  }): Promise<boolean>;
  /** Every certificate of the workload stops being good at once, as when it enrols anew or is removed. */
  revoke(workload: string): Promise<void>;
};

/** As the term of those that were revoked before this start of the controller. */
const NEVER = -1;

/** In memory for every call of an agent, in PostgreSQL for the next start. */
export async function loadCredentials(db: StateDatabase): Promise<Credentials> {
  const rows = await db
    .selectFrom("certificates")
    .select(["serial", "revoked_at"])
    .where("not_after", ">", sql<Date>`now()`)
    .execute();
  const terms = new Map<string, number>();
  const term = (workload: string) => terms.get(workload) ?? 0;
  /** The term in which each is good. */
  const stored = new Map(rows.map((row) => [row.serial, row.revoked_at === null ? 0 : NEVER]));
  const workloads = await db.selectFrom("workloads").select(["name", "enrolled_at"]).execute();
  /** All that the workload had before are revoked. */
  const revokedMs = new Map(workloads.map((row) => [row.name, row.enrolled_at.getTime()]));
  // What is being saved is there before it is revoked.
  const inTurn = createMutexes();
  return {
    isGood({ serial, workload, issuedMs }) {
      const goodIn = stored.get(serial);
      if (goodIn !== undefined) return goodIn === term(workload);
      return issuedMs > (revokedMs.get(workload) ?? Number.POSITIVE_INFINITY);
    },
    term,
    save: ({ serial, workload, notAfter, term: asked }) =>
      inTurn(workload, async () => {
        const old = await db
          .deleteFrom("certificates")
          .where("not_after", "<", sql<Date>`now()`)
          .returning("serial")
          .execute();
        for (const one of old) stored.delete(one.serial);
        if (asked !== term(workload)) return false;
        await db.insertInto("certificates").values({ serial, workload, not_after: notAfter }).execute();
        stored.set(serial, asked);
        return asked === term(workload);
      }),
    revoke(workload) {
      terms.set(workload, term(workload) + 1);
      // What is good from now on is stored.
      revokedMs.set(workload, Number.POSITIVE_INFINITY);
      return inTurn(workload, async () => {
        await db
          .updateTable("certificates")
          .set({ revoked_at: new Date() })
          .where("workload", "=", workload)
          .where("revoked_at", "is", null)
          .execute();
      });
    },
  };
}
