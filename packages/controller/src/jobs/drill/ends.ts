import { isIP } from "node:net";

export type DrillEnd = { readonly name: string; readonly address: string };
export type Ends = { readonly source: DrillEnd; readonly destination: DrillEnd };

/** An address of each of one family, IPv4 where both have one; null where there is none. Loopback and link-local don't count. */
export function commonAddresses(
  source: readonly string[],
  destination: readonly string[],
): readonly [string, string] | null {
  for (const family of [4, 6]) {
    const [a] = source.filter((one) => isIP(one) === family && isReachable(one));
    const [b] = destination.filter((one) => isIP(one) === family && isReachable(one));
    if (a !== undefined && b !== undefined) return [a, b];
  }
  return null;
}

function isReachable(address: string): boolean {
  return !/^(?:127\.|169\.254\.|::1$|fe[89ab])/i.test(address);
}
