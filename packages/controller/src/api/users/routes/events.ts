import type { UsersApp } from "../app.ts";
import { sendRefusal } from "../problem.ts";
import type { UserServices } from "../services.ts";

/** Open event streams; each holds a socket and a listener. */
export const EVENT_STREAMS_MAX = 256;
/** Bytes a slow reader may leave unread before its stream is closed; the console reconnects and refetches. */
const UNREAD_BYTES_MAX = 1024 * 1024;
/** Keeps proxies and dead connections from going unnoticed. */
const KEEP_ALIVE_MS = 15_000;

/** `GET /api/v1/events`: server-sent events that tell the console what to fetch again. */
export function registerEvents(app: UsersApp, services: UserServices): void {
  let open = 0;
  app.get("/api/v1/events", { schema: { hide: true } }, (request, reply) => {
    if (open >= EVENT_STREAMS_MAX) {
      sendRefusal(reply, {
        status: 503,
        code: "too-many-streams",
        detail: `${EVENT_STREAMS_MAX} event streams are open already`,
        fix: "close other windows of the console",
      });
      return;
    }
    open += 1;
    reply.hijack();
    const response = reply.raw;
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    const write = (text: string) => {
      if (response.writableLength > UNREAD_BYTES_MAX) response.destroy();
      else response.write(text);
    };
    write("retry: 2000\n\n");
    const stop = services.listen((event) =>
      write(`event: ${event.kind}\ndata: ${JSON.stringify(event.data)}\n\n`),
    );
    const timer = setInterval(() => write(": keep-alive\n\n"), KEEP_ALIVE_MS);
    request.raw.on("close", () => {
      open -= 1;
      clearInterval(timer);
      stop();
    });
  });
}
