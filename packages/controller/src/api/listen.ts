import { createServer, isIP, isIPv6 } from "node:net";
import { ControllerStartError } from "../start-error.ts";

export type ListenAddress = { readonly host: string; readonly port: number };

/** Reads `ADDRESS:PORT`, `[IPv6]:PORT` or `localhost:PORT`; names are refused, since one may mean several addresses. */
export function parseListen(text: string, option: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3]);
  const known = host === "localhost" || isIP(host) !== 0;
  if (match !== null && known && port <= 65_535)
    return { host: host === "localhost" ? "127.0.0.1" : host, port };
  throw new ControllerStartError(
    "bad-listen-address",
    `\`${text}\` is not an address to listen on`,
    `give ${option} an address and a port, such as \`127.0.0.1:7480\` or \`[::]:7480\``,
  );
}

export function formatHostPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A port that is free now, where any will do (port 0) and its number is needed before listening. */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, host, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** What `listen` fails with, for people. */
export function explainListenError(
  error: NodeJS.ErrnoException,
  address: ListenAddress,
  option: string,
): Error {
  const where = formatHostPort(address.host, address.port);
  switch (error.code) {
    case "EADDRINUSE":
      return new ControllerStartError(
        "port-in-use",
        `\`${where}\` is in use by another program`,
        `stop that program (\`ss -ltnp 'sport = :${address.port}'\` names it), or choose another port with ${option}`,
        { cause: error },
      );
    case "EADDRNOTAVAIL":
      return new ControllerStartError(
        "address-not-here",
        `this machine has no address \`${address.host}\``,
        `give ${option} an address of this machine, or 0.0.0.0 for all of them`,
        { cause: error },
      );
    case "EACCES":
      return new ControllerStartError(
        "port-not-allowed",
        `listening on \`${where}\` is not allowed to this user`,
        `choose a port above 1023 with ${option}`,
        { cause: error },
      );
    default:
      return error;
  }
}
