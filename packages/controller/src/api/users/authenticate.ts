import { isIP } from "node:net";
import { hostname } from "node:os";
import type { FastifyReply, FastifyRequest } from "fastify";
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
export function requireSignIn(app: UsersApp, signIn: SignIn): void {
  app.addHook("onRequest", async (request, reply): Promise<FastifyReply | undefined> => {
    const wrongHost = refuseForeignHost(request);
    if (wrongHost !== null) return sendRefusal(reply, wrongHost);
    const path = request.url.split("?", 1)[0] ?? "";
    if (!path.startsWith("/api/") || OPEN_PATHS.has(path)) return undefined;
    const found = await identify(request, signIn);
    if (!("name" in found)) return sendRefusal(reply, found);
    actors.set(request, found);
    return undefined;
  });
}

async function identify(request: FastifyRequest, signIn: SignIn): Promise<Actor | Refusal> {
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
  return crossSite(request) ?? actor;
}

/** A cookie's unsafe request must come from a page of our own: browsers send `Origin` with every one of them. */
function crossSite(request: FastifyRequest): Refusal | null {
  if (SAFE_METHODS.has(request.method)) return null;
  const { origin, host } = request.headers;
  if (origin !== undefined && origin === `${request.protocol}://${host}`) return null;
  return refusal(403, "cross-site", "this request did not come from the controller's own console", {
    fix: "use the console, or a bearer token",
  });
}

/** Names that resolve to us by somebody else's DNS would make a browser our client: only addresses and our own names. */
function refuseForeignHost(request: FastifyRequest): Refusal | null {
  const name = request.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost")) return null;
  const own = hostname().toLowerCase();
  if (name === own || name.startsWith(`${own}.`)) return null;
  return refusal(403, "unknown-host", `this controller is not called \`${name}\``, {
    fix: "use its address or the machine's own name",
  });
}
