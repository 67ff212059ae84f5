import {
  ADDRESS_LAST,
  formatAddress,
  isV4,
  parseAddress,
  V4_MAPPED_FIRST,
  V4_MAPPED_LAST,
} from "./address.ts";

/** A block of addresses; `bits` counts in 128-bit form (an IPv4 /24 is 120). */
export type Prefix = { readonly address: bigint; readonly bits: number };
/** Both ends inclusive. */
export type AddressRange = { readonly first: bigint; readonly last: bigint };

/** Why a text is no prefix; `host-bits` carries what was probably meant. */
export type PrefixFault =
  | { readonly fault: "syntax" }
  | { readonly fault: "host-bits"; readonly meant: string };

/** `10.0.0.0/8`, `fd00::/8`, or a bare address as /32 or /128. Bits after the prefix are a fault, not silently cut. */
export function parsePrefix(text: string): Prefix | PrefixFault {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return { fault: "syntax" };
  const v4 = isV4(address);
  const length = slash < 0 ? (v4 ? "32" : "128") : text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(length) || Number(length) > (v4 ? 32 : 128)) return { fault: "syntax" };
  const bits = Number(length) + (v4 ? 96 : 0);
  const network = networkOf(address, bits);
  if (network === address) return { address, bits };
  return { fault: "host-bits", meant: formatPrefix({ address: network, bits }) };
}

/** For text that a schema has accepted: undefined instead of a fault. */
export function prefixOrUndefined(text: string): Prefix | undefined {
  const prefix = parsePrefix(text);
  return "fault" in prefix ? undefined : prefix;
}

export function networkOf(address: bigint, bits: number): bigint {
  const host = BigInt(128 - bits);
  return (address >> host) << host;
}

/** Always with a length, `10.0.0.1/32`. */
export function formatPrefix(prefix: Prefix): string {
  const v4 = isV4(prefix.address) && prefix.bits >= 96;
  return `${formatAddress(prefix.address)}/${v4 ? prefix.bits - 96 : prefix.bits}`;
}

/** The addresses inside. An IPv6 block never holds IPv4 addresses, so `::/0` is two ranges around the mapped block. */
export function rangesOfPrefix(prefix: Prefix): readonly AddressRange[] {
  const first = prefix.address;
  const last = first | ((1n << BigInt(128 - prefix.bits)) - 1n);
  if (prefix.bits >= 96 || first > V4_MAPPED_LAST || last < V4_MAPPED_FIRST) return [{ first, last }];
  const around: AddressRange[] = [];
  if (first < V4_MAPPED_FIRST) around.push({ first, last: V4_MAPPED_FIRST - 1n });
  if (last > V4_MAPPED_LAST) around.push({ first: V4_MAPPED_LAST + 1n, last });
  return around;
}

export function prefixContains(prefix: Prefix, address: bigint): boolean {
  if (isV4(address) !== prefix.bits >= 96 && isV4(address)) return false;
  return networkOf(address, prefix.bits) === prefix.address;
}

/** The fewest prefixes that cover exactly the range. */
export function prefixesOfRange(range: AddressRange): readonly Prefix[] {
  const prefixes: Prefix[] = [];
  let first = range.first;
  while (first <= range.last) {
    let size = first === 0n ? 1n << 128n : first & -first;
    while (first + size - 1n > range.last) size >>= 1n;
    prefixes.push({ address: first, bits: 128 - (size.toString(2).length - 1) });
    first += size;
  }
  return prefixes;
}

/** Sorted, without overlap or touching neighbours: the one form of a set of addresses. */
export function unionRanges(ranges: readonly AddressRange[]): readonly AddressRange[] {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const union: { first: bigint; last: bigint }[] = [];
  for (const range of sorted) {
    const previous = union.at(-1);
    if (previous !== undefined && range.first <= previous.last + 1n) {
      if (range.last > previous.last) previous.last = range.last;
    } else union.push({ ...range });
  }
  return union;
}

/** Both arguments in the form of `unionRanges`. */
export function intersectRanges(
  a: readonly AddressRange[],
  b: readonly AddressRange[],
): readonly AddressRange[] {
  const both: AddressRange[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i] as AddressRange; // i and j are in bounds
    const y = b[j] as AddressRange;
    const first = later(x.first, y.first);
    const last = x.last + y.last - later(x.last, y.last);
    if (first <= last) both.push({ first, last });
    if (x.last < y.last) i++;
    else j++;
  }
  return both;
}

// `Math.max` takes no bigint.
function later(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

/** What is in no range of `a` (in the form of `unionRanges`). */
export function complementRanges(a: readonly AddressRange[]): readonly AddressRange[] {
  const rest: AddressRange[] = [];
  let next = 0n;
  for (const range of a) {
    if (range.first > next) rest.push({ first: next, last: range.first - 1n });
    next = range.last + 1n;
  }
  if (next <= ADDRESS_LAST) rest.push({ first: next, last: ADDRESS_LAST });
  return rest;
}

/** Both arguments in the form of `unionRanges`. */
export function rangesContain(ranges: readonly AddressRange[], address: bigint): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle] as AddressRange; // low <= middle < high
    if (address < range.first) high = middle;
    else if (address > range.last) low = middle + 1;
    else return true;
  }
  return false;
}
