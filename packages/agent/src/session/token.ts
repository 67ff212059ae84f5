import { createHash } from "node:crypto";
import { fail, ok, type Problem, type Result } from "@ringwall/model";
import { z } from "zod";

/** What an enrolment token says: where the controller is, how to know it, and the one-time secret. */
export type EnrolmentToken = {
  /** `https://HOST:PORT` of the agents' port. */
  readonly controller: string;
  /** SHA-256 of the controller's CA certificate (DER), lower-case hexadecimal. */
  readonly caSha256: string;
  readonly secret: string;
};

/** Characters of a token; a longer file is not one. */
export const TOKEN_LENGTH_MAX = 4096;
const PREFIX = "rw1.";

const body = z.object({
  c: z.url({ protocol: /^https$/ }),
  f: z.string().regex(/^[0-9a-f]{64}$/),
  t: z.string().min(1).max(1024),
});

/** `rw1.` and base64url of `{"c": controller, "f": CA fingerprint, "t": secret}`. */
export function formatToken(token: EnrolmentToken): string {
  const text = JSON.stringify({ c: token.controller, f: token.caSha256, t: token.secret });
  return PREFIX + Buffer.from(text).toString("base64url");
}

/** Reads a token; blanks around it don't matter. Never repeats the token's text in a message. */
export function parseToken(text: string): Result<EnrolmentToken> {
  const token = text.trim();
  if (!token.startsWith(PREFIX) || token.length > TOKEN_LENGTH_MAX || !/^[\w.-]+$/.test(token)) {
    return fail([problem("can't be one: it doesn't start with `rw1.` or holds foreign characters")]);
  }
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(token.slice(PREFIX.length), "base64url").toString("utf8"));
  } catch {
    return fail([problem("is damaged: its content can't be decoded, a part may be missing")]);
  }
  const parsed = body.safeParse(json);
  if (!parsed.success) {
    return fail([problem("is damaged: controller, fingerprint or secret is missing in it")]);
  }
  return ok({ controller: parsed.data.c, caSha256: parsed.data.f, secret: parsed.data.t });
}

/** Tells tokens apart without being good for anything: a secret is 256 random bits. */
export function digestOfToken({ secret }: EnrolmentToken): string {
  return createHash("sha256").update(secret).digest("hex");
}

function problem(what: string): Problem {
  return {
    code: "token-invalid",
    severity: "error",
    message: `the enrolment token ${what}`,
    fix: "make one on the controller with `ringwall token create` and hand its whole text over in a file",
  };
}
