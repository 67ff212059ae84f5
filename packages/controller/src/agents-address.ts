import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { formatHostPort, type ListenAddress } from "./api/listen.ts";
import { ControllerStartError } from "./start-error.ts";

/** How agents reach the controller. */
export type AgentsAddress = {
  readonly url: string;
  /** Names and addresses of the server's certificate. */
  readonly hosts: readonly string[];
  /** Every address that a host's essential flows must keep open. */
  readonly addresses: readonly string[];
};

/** From what is listened on (with the port that was really taken) and what is advertised. */
export async function agentsAddress(
  listen: ListenAddress,
  advertise: string | undefined,
): Promise<AgentsAddress> {
  const listened = isWildcard(listen.host) ? ownAddresses() : [listen.host];
  const host = advertise === undefined ? (listened[0] ?? "127.0.0.1") : undefined;
  const url =
    host === undefined
      ? parseAdvertised(advertise ?? "", listen.port)
      : new URL(`https://${formatHostPort(host, listen.port)}`);
  const advertisedHost = url.hostname.replace(/^\[|\]$/g, "");
  const resolved = isIP(advertisedHost) === 0 ? await resolve(advertisedHost) : [advertisedHost];
  return {
    url: `https://${url.hostname}:${url.port === "" ? 443 : url.port}`,
    hosts: [...new Set([advertisedHost, ...listened, "localhost", "127.0.0.1", "::1", hostname()])],
    addresses: [...new Set([...resolved, ...listened])],
  };
}

function parseAdvertised(text: string, port: number): URL {
  const withPort = /:\d+\/?$/.test(text) ? text : `${text}:${port}`;
  if (URL.canParse(withPort) && withPort.startsWith("https://")) return new URL(withPort);
  throw new ControllerStartError(
    "bad-advertise-address",
    `\`${text}\` is not an address that agents could use`,
    "give --advertise-agents a URL such as `https://ringwall.example.com:7481`",
  );
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** Outward addresses first; IPv4 before IPv6, link-local ones left out. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  const outward = all.filter((entry) => !entry.internal && !entry.address.startsWith("fe80:"));
  const sorted = outward.toSorted((a, b) => (a.family === b.family ? 0 : a.family === "IPv4" ? -1 : 1));
  return [...sorted.map((entry) => entry.address), "127.0.0.1"];
}

/** A name that has no address yet is no reason not to start: agents of other networks may know it. */
async function resolve(name: string): Promise<string[]> {
  try {
    return (await lookup(name, { all: true })).map((entry) => entry.address);
  } catch {
    return [];
  }
}
