import type { Link } from "../links.ts";
import type { Party } from "../party.ts";

/** Services that two hosts must both use at least, and the share of all they use, to be clients of one kind. */
const SHARED_MIN = 3;
const SHARED_SHARE_MIN = 0.4;

/** Tells whether two workloads are clients of the same services, by what each of them calls elsewhere. */
export function likeness(
  links: readonly Link[],
  parties: readonly Party[],
): (a: number, b: number) => boolean {
  const calls = new Map<number, Set<string>>();
  for (const { src, dst, srcSoftware, proto, port } of links) {
    if (src === dst || parties[src]?.kind !== "workload" || parties[dst]?.kind === "loopback") continue;
    const own = calls.get(src);
    const call = `${dst} ${srcSoftware} ${proto} ${port}`;
    if (own === undefined) calls.set(src, new Set([call]));
    else own.add(call);
  }
  return (a, b) => {
    const [one, other] = [calls.get(a), calls.get(b)];
    if (one === undefined || other === undefined) return false;
    const shared = one.intersection(other).size;
    return shared >= SHARED_MIN && shared >= SHARED_SHARE_MIN * Math.min(one.size, other.size);
  };
}

/** How many workloads and addresses use a service: the clients that vouch for its being one. */
export function sourcesOfServices(links: readonly Link[]): (link: Link) => number {
  const sources = new Map<string, Set<string>>();
  const key = ({ dst, dstSoftware, proto, port }: Link): string => `${dst} ${dstSoftware} ${proto} ${port}`;
  for (const link of links) {
    if (link.src === link.dst) continue;
    const own = sources.get(key(link)) ?? new Set<string>();
    sources.set(key(link), own);
    own.add(`${link.src} ${link.srcIp ?? ""}`);
  }
  return (link) => sources.get(key(link))?.size ?? 0;
}
