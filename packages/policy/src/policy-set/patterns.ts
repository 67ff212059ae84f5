import type { SourceEndpoint } from "@ringwall/model";
import { prefixContains, prefixOrUndefined } from "@ringwall/model";
import { listOf } from "./labels.ts";

/** An endpoint's `cidr` taken apart. */
export type Blocks = { readonly include: readonly string[]; readonly exclude: readonly string[] };

export function blocksOf(cidr: NonNullable<SourceEndpoint["cidr"]>): Blocks {
  const excepting = typeof cidr === "object" && "block" in cidr;
  return excepting
    ? { include: [cidr.block], exclude: cidr.except ?? [] }
    : { include: listOf(cidr), exclude: [] };
}

/** Inside any of the blocks and in none of the exceptions. */
export function inCidr(cidr: NonNullable<SourceEndpoint["cidr"]>, address: bigint): boolean {
  const { include, exclude } = blocksOf(cidr);
  const inside = (text: string) => {
    const prefix = prefixOrUndefined(text);
    return prefix !== undefined && prefixContains(prefix, address);
  };
  return include.some(inside) && !exclude.some(inside);
}

/** An exact name, or `*.` for exactly one label; case and a final dot do not count. Null where the name is not known. */
export function isNamed(pattern: string, fqdn: string | null | undefined): boolean | null {
  if (fqdn === null || fqdn === undefined) return null;
  const plain = (text: string) => text.toLowerCase().replace(/\.$/, "");
  const name = plain(fqdn);
  const wanted = plain(pattern);
  if (!wanted.startsWith("*.")) return name === wanted;
  const dot = name.indexOf(".");
  return dot > 0 && name.slice(dot + 1) === wanted.slice(2);
}
