import { z } from "zod";
import type { PublicUrl } from "../../public-url.ts";
import type { UsersApp } from "./app.ts";
import { SESSION_COOKIE } from "./authenticate.ts";
import type { SignIn } from "./services.ts";

/** `GET /sign-in?token=…`: the one-time link. A used or unknown one leads to the console, which says how to get another. */
export function registerSignIn(app: UsersApp, signIn: SignIn, publicUrl: PublicUrl | null): void {
  app.get(
    "/sign-in",
    // A HEAD request of a link preview must not use the link up.
    {
      exposeHeadRoute: false,
      schema: { hide: true, querystring: z.object({ token: z.string().max(200).optional() }) },
    },
    async (request, reply) => {
      reply.header("cache-control", "no-store").header("referrer-policy", "no-referrer");
      const { token } = request.query;
      const redeemed = token === undefined ? null : await signIn.redeem(token);
      if (redeemed === null) return reply.redirect("/?sign-in=failed", 303);
      reply.setCookie(SESSION_COOKIE, redeemed.session, {
        httpOnly: true,
        sameSite: "lax",
        path: "/",
        maxAge: redeemed.maxAgeSeconds,
        // The proxy's side is TLS; the browser must not send the session on any other.
        secure: publicUrl !== null,
      });
      return reply.redirect("/", 303);
    },
  );
}
