import { classOfAddress } from "../knowledge/addresses.ts";
import type { Link } from "../links.ts";
import type { CleanContext } from "./clean.ts";

/** Independent hosts whose honest programs use an address clear it of one dishonest program's touch. */
const CLEARING_HOSTS_MIN = 3;

/** What suspicion spread to. */
export type Taint = {
  /** Unowned addresses that programs under suspicion reached. */
  readonly addresses: ReadonlySet<string>;
  /** `HOST PROGRAM`: a program of one host alone that went to such an address. */
  readonly programs: ReadonlySet<string>;
};

/**
 * What an attacker's tool talks to is the attacker's, so other programs' edges to it are suspect too, unless several
 * hosts use it for their own reasons; and a program of one host alone that goes there is itself one of the tools. A
 * general tool that `isOdd` says nobody else uses alike taints unowned private addresses only: on the internet its target
 * may be anything.
 */
export function findTaint(
  links: readonly Link[],
  context: CleanContext,
  isOdd: (link: Link) => boolean,
): Taint {
  const touched = new Set<string>();
  const honest = new Map<string, Set<number>>();
  const hosts = new Map<number, Set<number>>();
  for (const link of links) {
    hosts.set(link.srcSoftware, (hosts.get(link.srcSoftware) ?? new Set<number>()).add(link.src));
    const ip = taintable(link, context);
    if (ip === null) continue;
    const trust = context.software[link.srcSoftware]?.trust;
    if (trust === "low" || (isOdd(link) && classOfAddress(ip) === "private")) touched.add(ip);
    else if (trust !== "dual-use") honest.set(ip, (honest.get(ip) ?? new Set<number>()).add(link.src));
  }
  const addresses = new Set([...touched].filter((ip) => (honest.get(ip)?.size ?? 0) < CLEARING_HOSTS_MIN));
  const programs = new Set<string>();
  for (const link of links) {
    const program = context.software[link.srcSoftware];
    const isAlone = hosts.get(link.srcSoftware)?.size === 1 && program?.trust === "installed";
    if (isAlone && link.ip !== null && addresses.has(link.ip)) programs.add(taintKey(link));
  }
  return { addresses, programs };
}

export function taintKey({ src, srcSoftware }: Link): string {
  return `${src} ${srcSoftware}`;
}

/** The address, where it is one that could be an attacker's. */
function taintable(link: Link, { parties }: CleanContext): string | null {
  if (link.ip === null || parties[link.dst]?.kind === "special") return null;
  const kind = classOfAddress(link.ip);
  return kind === "private" || kind === "public" ? link.ip : null;
}
