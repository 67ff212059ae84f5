import { readFile } from "node:fs/promises";
import { parseAddress } from "../addresses.ts";

const RESOLV_CONF = "/etc/resolv.conf";
/** systemd-resolved(8): the resolvers behind its stub. */
const RESOLVED_CONF = "/run/systemd/resolve/resolv.conf";
/** More than a C library asks; further ones are left out. */
export const RESOLVERS_MAX = 16;

/** The addresses of `nameserver` lines (resolv.conf(5)), in order and each once. */
export function parseResolvers(text: string): readonly string[] {
  const found = text.split("\n").flatMap((line) => {
    const [word, address = ""] = line.trim().split(/\s+/);
    return word === "nameserver" && parseAddress(address) !== undefined ? [address.replace(/%.*$/, "")] : [];
  });
  return [...new Set(found)].slice(0, RESOLVERS_MAX);
}

/**
 * This host's configured resolvers; none where there is no such file. Behind a stub of systemd-resolved stand the ones
 * that it asks itself.
 */
export async function readResolvers(file = RESOLV_CONF): Promise<readonly string[]> {
  const read = async (path: string) => parseResolvers(await readFile(path, "utf8").catch(() => ""));
  const found = await read(file);
  if (!found.some(isStub)) return found;
  return [...new Set([...found, ...(await read(RESOLVED_CONF))])].slice(0, RESOLVERS_MAX);
}

/** A resolver on this host, which asks others. */
export function isStub(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}
