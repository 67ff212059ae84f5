import { existsSync } from "node:fs";
import path from "node:path";
import staticFiles from "@fastify/static";
import { refusal } from "../../refusal.ts";
import type { UsersApp } from "./app.ts";
import { sendRefusal } from "./problem.ts";

/** Nothing from elsewhere, and nothing inline: the console's scripts and styles are files of its own. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** The console's built files at `/`; its pages are routes of its own, so unknown paths get its index. Null: no console. */
export async function serveConsole(app: UsersApp, dir: string | null): Promise<void> {
  app.addHook("onSend", async (_request, reply) => {
    reply.header("content-security-policy", CONTENT_SECURITY_POLICY);
    reply.header("x-content-type-options", "nosniff");
    reply.header("referrer-policy", "no-referrer");
    reply.header("cross-origin-opener-policy", "same-origin");
  });
  const built = dir !== null && existsSync(path.join(dir, "index.html"));
  if (built) await app.register(staticFiles, { root: dir, wildcard: false, index: "index.html" });
  else
    app.get("/", { schema: { hide: true } }, (_request, reply) => reply.type("text/plain").send(NOT_BUILT));
  app.setNotFoundHandler((request, reply) => {
    // The path alone decides: filters in the address may well have dots in them.
    const pathname = request.url.split("?", 1)[0] ?? "";
    const page = request.method === "GET" && !pathname.startsWith("/api/") && !pathname.includes(".");
    if (built && page) return reply.sendFile("index.html");
    return sendRefusal(reply, refusal(404, "no-such-route", `nothing is at \`${pathname}\``));
  });
}

const NOT_BUILT = "The console is not built. Run `make build` in the checkout, then reload.\n";
