import { sql } from "kysely";
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
  save(certificate: {
    readonly serial: string;
    readonly workload: string;
    readonly notAfter: Date;
  }): Promise<void>;
  /** Every certificate of the workload stops being good, as when it enrols anew or is removed. */
  revoke(workload: string): Promise<void>;
};

/** In memory for every call of an agent, in PostgreSQL for the next start. */
export async function loadCredentials(db: StateDatabase): Promise<Credentials> {
  const rows = await db
    .selectFrom("certificates")
    .select(["serial", "revoked_at"])
    .where("not_after", ">", sql<Date>`now()`)
    .execute();
  const goodOnes = new Map(rows.map((row) => [row.serial, row.revoked_at === null]));
  const workloads = await db.selectFrom("workloads").select(["name", "enrolled_at"]).execute();
  /** All that the workload had before are revoked. */
  const revokedMs = new Map(workloads.map((row) => [row.name, row.enrolled_at.getTime()]));
  return {
    isGood: ({ serial, workload, issuedMs }) =>
      goodOnes.get(serial) ?? issuedMs > (revokedMs.get(workload) ?? Number.POSITIVE_INFINITY),
    async save({ serial, workload, notAfter }) {
      const old = await db
        .deleteFrom("certificates")
        .where("not_after", "<", sql<Date>`now()`)
        .returning("serial")
        .execute();
      for (const one of old) goodOnes.delete(one.serial);
      await db.insertInto("certificates").values({ serial, workload, not_after: notAfter }).execute();
      goodOnes.set(serial, true);
    },
    async revoke(workload) {
      revokedMs.set(workload, Date.now());
      const revoked = await db
        .updateTable("certificates")
        .set({ revoked_at: new Date() })
        .where("workload", "=", workload)
        .where("revoked_at", "is", null)
        .returning("serial")
        .execute();
      for (const one of revoked) goodOnes.set(one.serial, false);
    },
  };
}
