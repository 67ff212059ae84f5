import { createHash, randomBytes } from "node:crypto";

/** The tokens' format: `rw1.` and base64url of `{c: URL of the agents' API, f: the CA's fingerprint, t: secret}`. */
export const TOKEN_PREFIX = "rw1.";
export const TOKEN_LENGTH_MAX = 4096;
const SECRET_BYTES = 32;

export type EnrollmentToken = { readonly text: string; readonly hash: string };

/** A new token; only its secret's hash is kept. */
export function createToken(agentsUrl: string, caFingerprint: string): EnrollmentToken {
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  const body = JSON.stringify({ c: agentsUrl, f: caFingerprint, t: secret });
  return { text: `${TOKEN_PREFIX}${Buffer.from(body).toString("base64url")}`, hash: hashSecret(secret) };
}

/** The hash a token is stored by, or null where the text is no token. */
export function hashOfToken(text: string): string | null {
  if (!text.startsWith(TOKEN_PREFIX) || text.length > TOKEN_LENGTH_MAX) return null;
  try {
    const body: unknown = JSON.parse(
      Buffer.from(text.slice(TOKEN_PREFIX.length), "base64url").toString("utf8"),
    );
    if (typeof body !== "object" || body === null || !("t" in body) || typeof body.t !== "string")
      return null;
    return hashSecret(body.t);
  } catch {
    return null;
  }
}

/** Secrets are 256 random bits, so that a plain hash is enough. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
