import type { Http2SecureServer } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** How many connections may be in their handshake, and how many of callers that turned out to be no agents of ours. */
export type StrangerLimits = { readonly arriving: number; readonly strangers: number };

/** Leaves the other connections to agents: who has not shown to be one gives way to who comes later. */
export function limitStrangers(
  server: Http2SecureServer,
  limits: StrangerLimits,
  isAgent: (socket: TLSSocket) => boolean,
  onError: (error: Error) => void,
): void {
  const gaveWay = (what: string) => () => onError(new Error(`${what} gave way to a newer one`));
  const arriving = createShare(limits.arriving, gaveWay("a connection in its handshake"));
  const strangers = createShare(limits.strangers, gaveWay("a caller that is no agent"));
  server.on("connection", arriving.add);
  server.on("secureConnection", (socket: TLSSocket) => {
    arriving.remove(socket);
    if (!isAgent(socket)) strangers.add(socket);
  });
}

/** Keeps up to `max` sockets, and destroys the oldest for one more. */
function createShare(
  max: number,
  onFull: () => void,
): { add(socket: Socket): void; remove(socket: Socket): void } {
  const held = new Map<string, Socket>();
  return {
    add(socket) {
      const key = endsOf(socket);
      held.set(key, socket);
      socket.once("close", () => held.get(key) === socket && held.delete(key));
      for (const [first, oldest] of held) {
        if (held.size <= max) break;
        held.delete(first);
        oldest.destroy();
        onFull();
      }
    },
    remove: (socket) => void held.delete(endsOf(socket)),
  };
}

/** The same for a connection's TCP socket and for the TLS socket upon it, of which Node.js does not say which it is on. */
function endsOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`;
}
