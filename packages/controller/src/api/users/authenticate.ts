import { isIP } from "node:net";
import { hostname } from "node:os";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { PublicUrl } from "../../public-url.ts";
import { type Refusal, refusal } from "../../refusal.ts";
import type { UsersApp } from "./app.ts";
import { sendRefusal } from "./problem.ts";
import type { Actor, SignIn } from "./services.ts";

export const SESSION_COOKIE = "ringwall_session";
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);
const OPEN_PATHS = new Set(["/api/v1/openapi.json"]);

const actors = new WeakMap<FastifyRequest, Actor>();

/** Who sent an authenticated request; reaching it on an open path is a bug. */
export function actorOf(request: FastifyRequest): Actor {
  const actor = actors.get(request);
  if (actor === undefined) throw new Error("bug: request without an actor");
  return actor;
}

/** Everything under `/api/` needs a session cookie or the bearer token; cookies only work from our own pages. */
export function requireSignIn(app: UsersApp, signIn: SignIn, publicUrl: PublicUrl | null): void {
  app.addHook("onRequest", async (request, reply): Promise<FastifyReply | undefined> => {
    const wrongHost = refuseForeignHost(request, publicUrl);
    if (wrongHost !== null) return sendRefusal(reply, wrongHost);
    const path = request.url.split("?", 1)[0] ?? "";
    if (!path.startsWith("/api/") || OPEN_PATHS.has(path)) return undefined;
    const found = await identify(request, signIn, publicUrl);
    if (!("name" in found)) return sendRefusal(reply, found);
    actors.set(request, found);
    return undefined;
  });
}

async function identify(
  request: FastifyRequest,
  signIn: SignIn,
  publicUrl: PublicUrl | null,
): Promise<Actor | Refusal> {
  const header = request.headers.authorization;
  if (header !== undefined) {
    const actor = header.startsWith("Bearer ") ? signIn.bearer(header.slice("Bearer ".length)) : null;
    return (
      actor ??
      refusal(401, "wrong-token", "the bearer token is not this controller's", {
        fix: "use the content of the file `operator.token` in the controller's data folder",
      })
    );
  }
  const cookie = request.cookies[SESSION_COOKIE];
  const actor = cookie === undefined ? null : await signIn.session(cookie);
  if (actor === null) {
    return refusal(401, "not-signed-in", "no session, or one that has ended", {
      fix: "open a new link from `ringwall sign-in`",
    });
  }
  return crossSite(request, publicUrl) ?? actor;
}

/** A cookie's unsafe request must come from a page of our own: browsers send `Origin` with every one of them. */
function crossSite(request: FastifyRequest, publicUrl: PublicUrl | null): Refusal | null {
  if (SAFE_METHODS.has(request.method)) return null;
  const { origin } = request.headers;
  if (origin !== undefined && ownOrigins(request, publicUrl).includes(origin)) return null;
  return refusal(403, "cross-site", "this request did not come from the controller's own console", {
    fix: "use the console, or a bearer token; behind a proxy, give the controller its address with --public-url",
  });
}

/**
 * Where our own pages come from. A proxy may hand its own name on or put ours in its place, so the public origin is always
 * one; the plain address that was asked for is one too, but not under the public name, which only TLS speaks for.
 */
function ownOrigins(request: FastifyRequest, publicUrl: PublicUrl | null): readonly string[] {
  const direct = `http://${request.headers.host}`;
  if (publicUrl === null) return [direct];
  return hostOf(request) === publicUrl.hostname ? [publicUrl.origin] : [publicUrl.origin, direct];
}

/** Names that resolve to us by somebody else's DNS would make a browser our client: only addresses and our own names. */
function refuseForeignHost(request: FastifyRequest, publicUrl: PublicUrl | null): Refusal | null {
  const name = hostOf(request);
  if (isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost")) return null;
  const own = hostname().toLowerCase();
  if (name === own || name.startsWith(`${own}.`) || name === publicUrl?.hostname) return null;
  return refusal(403, "unknown-host", `this controller is not called \`${name}\``, {
    fix: "use its address or the machine's own name; behind a proxy, give its name to the controller with --public-url",
  });
}

function hostOf(request: FastifyRequest): string {
  return request.hostname.replace(/^\[|\]$/g, "").toLowerCase();
}
