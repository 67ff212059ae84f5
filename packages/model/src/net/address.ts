/**
 * Addresses as 128-bit numbers: IPv6 as it is, IPv4 v4-mapped (`::ffff:a.b.c.d`, RFC 4291 2.5.5.2), as the kernel's
 * peer trie has them. A v4-mapped address in text is the IPv4 address.
 */

/** First address of the v4-mapped block `::ffff:0:0/96`. */
export const V4_MAPPED_FIRST = 0xffff_0000_0000n;
export const V4_MAPPED_LAST = 0xffff_ffff_ffffn;
export const ADDRESS_LAST = (1n << 128n) - 1n;

export function isV4(address: bigint): boolean {
  return address >= V4_MAPPED_FIRST && address <= V4_MAPPED_LAST;
}

/** Null for what is no address. Zone ids (`fe80::1%eth0`) are refused. */
export function parseAddress(text: string): bigint | null {
  return text.includes(":") ? parseV6(text) : mapped(parseV4(text));
}

function mapped(v4: number | null): bigint | null {
  return v4 === null ? null : V4_MAPPED_FIRST + BigInt(v4);
}

/** Dotted quad without leading zeros, as a number below 2^32; null otherwise. */
export function parseV4(text: string): number | null {
  let value = 0;
  let part = -1;
  let parts = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? 46 : text.charCodeAt(i);
    if (code === 46) {
      if (part < 0 || parts === 4) return null;
      value = value * 256 + part;
      parts++;
      part = -1;
    } else if (code >= 48 && code <= 57) {
      if (part === 0) return null;
      part = (part < 0 ? 0 : part * 10) + code - 48;
      if (part > 255) return null;
    } else return null;
  }
  return parts === 4 ? value : null;
}

function parseV6(text: string): bigint | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0] ?? "");
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? "") : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** Groups between colons; a dotted quad at the end stands for two. */
function groupsOf(text: string): readonly number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const quad = part.includes(".") && index === parts.length - 1 ? parseV4(part) : null;
    if (quad !== null) groups.push(quad >>> 16, quad & 0xffff);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

/** RFC 5952 text; v4-mapped addresses as dotted quads. */
export function formatAddress(address: bigint): string {
  if (isV4(address)) {
    const v4 = Number(address - V4_MAPPED_FIRST);
    return `${v4 >>> 24}.${(v4 >>> 16) & 255}.${(v4 >>> 8) & 255}.${v4 & 255}`;
  }
  const groups = Array.from({ length: 8 }, (_, i) => Number((address >> BigInt(112 - 16 * i)) & 0xffffn));
  const [from, length] = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, from).join(":")}::${hex.slice(from + length).join(":")}`;
}

function longestZeroRun(groups: readonly number[]): readonly [from: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best[1]) best = [start, i - start];
    start = i + 1;
  }
  return best;
}

/** 16 bytes, network order. */
export function encodeAddress(address: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  let rest = address;
  for (let i = 15; i >= 0; i--) {
    bytes[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  return bytes;
}

export function decodeAddress(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}
