import type { Link } from "../links.ts";
import type { CleanContext } from "./clean.ts";

/** Independent hosts whose honest programs use an address clear it of one dishonest program's touch. */
const CLEARING_HOSTS_MIN = 3;

/**
 * Unowned addresses that low-trust software reached. What an attacker's tool talks to is the attacker's, so other
 * programs' edges to it are suspect too, unless several hosts use it for their own reasons.
 */
export function taintedAddresses(links: readonly Link[], context: CleanContext): ReadonlySet<string> {
  const touched = new Set<string>();
  const honest = new Map<string, Set<number>>();
  for (const link of links) {
    if (link.ip === null || context.parties[link.dst]?.kind === "special") continue;
    const trust = context.software[link.srcSoftware]?.trust;
    if (trust === "low") touched.add(link.ip);
    else if (trust !== "dual-use") {
      honest.set(link.ip, (honest.get(link.ip) ?? new Set<number>()).add(link.src));
    }
  }
  return new Set([...touched].filter((ip) => (honest.get(ip)?.size ?? 0) < CLEARING_HOSTS_MIN));
}
