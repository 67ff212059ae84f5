import { Socket } from "node:net";

/** The connections to a server that may hang, or be gone without a word. */
export type Sockets = {
  /** One that fails once nothing has gone either way for as long as the limit says. */
  open(): Socket;
  /** Whatever waits for an answer fails. */
  cutAll(): void;
};

export function createSockets(silenceMsMax: number): Sockets {
  const sockets = new Set<Socket>();
  return {
    open() {
      const socket = new Socket();
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      socket.setTimeout(silenceMsMax, () =>
        socket.destroy(new Error(`PostgreSQL has said nothing for ${silenceMsMax / 1000} s`)),
      );
      return socket;
    },
    cutAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
