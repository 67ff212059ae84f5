import { type Fleet, type Host, type Pair, pairBetween } from "./fleet.ts";
import { foreignTool } from "./programs.ts";
import type { Random } from "./random.ts";

/** Attack edges as a share of the true ones: half with tools the attacker brought, half with the victim's own software. */
export function attackPairs({ hosts, pairs }: Fleet, share: number, rng: Random): readonly Pair[] {
  const wanted = Math.max(4, Math.round(pairs.length * share));
  const sizes = new Map<string, number>();
  for (const host of hosts) sizes.set(host.service, (sizes.get(host.service) ?? 0) + 1);
  const victims = hosts.filter(
    (host) => (sizes.get(host.service) ?? 0) >= 2 && !host.service.startsWith("infra/"),
  );
  const truth = new Set(pairs.map((pair) => `${pair.src?.service} ${pair.dst?.service} ${pair.port}`));
  const attacks: Pair[] = [];
  for (let tries = 0; attacks.length < wanted && tries < wanted * 50; tries++) {
    const isForeign = attacks.length % 2 === 0;
    const src: Host = rng.pick(isForeign || victims.length === 0 ? hosts : victims);
    const dst = rng.pick(hosts);
    if (dst === src || truth.has(`${src.service} ${dst.service} ${dst.port}`)) continue;
    attacks.push(isForeign ? foreign(src, dst, rng) : pairBetween("lateral", src, src.server, dst));
  }
  return attacks;
}

function foreign(src: Host, dst: Host, rng: Random): Pair {
  const pair = pairBetween("foreign", src, foreignTool(rng), dst);
  if (rng.chance(0.7)) return pair;
  // A call home instead.
  return {
    ...pair,
    dst: null,
    dstIp: `185.${rng.int(1, 254)}.${rng.int(1, 254)}.${rng.int(1, 254)}`,
    server: null,
    port: rng.pick([443, 4444, 8443]),
  };
}
