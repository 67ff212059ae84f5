import { randomBytes, timingSafeEqual } from "node:crypto";
import { sql } from "kysely";
import { hashSecret } from "../../pki/enrollment-token.ts";
import type { StateDatabase } from "../../store/state/open.ts";
import type { SignIn } from "./services.ts";

/** A link is for the person who asked for it, now. */
export const LINK_MINUTES = 15;
export const SESSION_HOURS = 12;
const SECRET_BYTES = 32;

/** One-time links, sessions and the operator's bearer token. Secrets are 256 random bits; only hashes are stored. */
export function createSignIn(db: StateDatabase, operatorToken: string, usersUrl: () => string): SignIn {
  const operatorHash = Buffer.from(hashSecret(operatorToken), "hex");
  return {
    async createLink() {
      const secret = randomBytes(SECRET_BYTES).toString("base64url");
      const expires = new Date(Date.now() + LINK_MINUTES * 60_000);
      await db.deleteFrom("sign_in_links").where("expires", "<", sql<Date>`now()`).execute();
      await db
        .insertInto("sign_in_links")
        .values({ hash: hashSecret(secret), expires })
        .execute();
      return { url: `${usersUrl()}/sign-in?token=${secret}`, expires: expires.toISOString() };
    },
    async redeem(secret) {
      const link = await db
        .deleteFrom("sign_in_links")
        .where("hash", "=", hashSecret(secret))
        .where("expires", ">", sql<Date>`now()`)
        .returning("hash")
        .executeTakeFirst();
      if (link === undefined) return null;
      const session = randomBytes(SECRET_BYTES).toString("base64url");
      const maxAgeSeconds = SESSION_HOURS * 3600;
      await db.deleteFrom("sessions").where("expires", "<", sql<Date>`now()`).execute();
      await db
        .insertInto("sessions")
        .values({
          hash: hashSecret(session),
          name: "console",
          expires: new Date(Date.now() + maxAgeSeconds * 1000),
        })
        .execute();
      return { session, maxAgeSeconds };
    },
    async session(secret) {
      const row = await db
        .selectFrom("sessions")
        .select("name")
        .where("hash", "=", hashSecret(secret))
        .where("expires", ">", sql<Date>`now()`)
        .executeTakeFirst();
      return row === undefined ? null : { name: row.name };
    },
    bearer(token) {
      return timingSafeEqual(Buffer.from(hashSecret(token), "hex"), operatorHash)
        ? { name: "operator" }
        : null;
    },
  };
}
