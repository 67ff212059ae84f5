import { sql } from "kysely";
import type { StateDatabase } from "./open.ts";

/** The certificates that are good: issued by this controller, not replaced, not run out. */
export type Credentials = {
  has(serial: string): boolean;
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
    .select("serial")
    .where("revoked_at", "is", null)
    .where("not_after", ">", sql<Date>`now()`)
    .execute();
  const good = new Set(rows.map((row) => row.serial));
  return {
    has: (serial) => good.has(serial),
    async save({ serial, workload, notAfter }) {
      const old = await db
        .deleteFrom("certificates")
        .where("not_after", "<", sql<Date>`now()`)
        .returning("serial")
        .execute();
      for (const one of old) good.delete(one.serial);
      await db.insertInto("certificates").values({ serial, workload, not_after: notAfter }).execute();
      good.add(serial);
    },
    async revoke(workload) {
      const revoked = await db
        .updateTable("certificates")
        .set({ revoked_at: new Date() })
        .where("workload", "=", workload)
        .where("revoked_at", "is", null)
        .returning("serial")
        .execute();
      for (const one of revoked) good.delete(one.serial);
    },
  };
}
