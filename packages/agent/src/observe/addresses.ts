import { networkInterfaces } from "node:os";

/** One address of this host with its network's length. */
export type LocalAddress = {
  /** 16 bytes, IPv4 mapped. */
  readonly bytes: Uint8Array;
  /** As people write it. */
  readonly text: string;
  /** Bits of the network within the 128. */
  readonly bits: number;
};

/** This host's addresses but loopback and link-local ones, which say nothing to others; then those that were told. */
export function observeAddresses(alsoAt: readonly string[] = []): LocalAddress[] {
  const found: LocalAddress[] = [];
  for (const entries of Object.values(networkInterfaces())) {
    for (const { address, internal, cidr } of entries ?? []) {
      const length = Number(cidr?.split("/")[1] ?? Number.NaN);
      if (internal || /^fe80:|^169\.254\./i.test(address) || Number.isNaN(length)) continue;
      const bytes = parseAddress(address);
      if (bytes !== undefined)
        found.push({ bytes, text: address, bits: address.includes(":") ? length : length + 96 });
    }
  }
  for (const text of alsoAt) {
    const bytes = parseAddress(text);
    const isKnown = found.some((one) => one.text === text);
    if (bytes !== undefined && !isKnown) found.push({ bytes, text, bits: 128 });
  }
  return found;
}

/** An address as 16 bytes, IPv4 as `::ffff:a.b.c.d`; undefined for what is none. A zone (`%eth0`) is left out. */
export function parseAddress(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(16);
  const plain = text.replace(/%.*$/, "");
  if (!plain.includes(":")) {
    if (!setIpv4(bytes, plain)) return undefined;
    bytes.fill(0xff, 10, 12);
    return bytes;
  }
  const halves = plain.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? "");
  const tail = groupsOf(halves[1] ?? "");
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  [...head, ...new Array<number>(missing).fill(0), ...tail].forEach((group, i) => {
    bytes[i * 2] = group >> 8;
    bytes[i * 2 + 1] = group & 0xff;
  });
  return bytes;
}

function groupsOf(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (part.includes(".") && index === parts.length - 1) {
      const ipv4 = new Uint8Array(16);
      if (!setIpv4(ipv4, part)) return undefined;
      groups.push(((ipv4[12] ?? 0) << 8) | (ipv4[13] ?? 0), ((ipv4[14] ?? 0) << 8) | (ipv4[15] ?? 0));
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function setIpv4(bytes: Uint8Array, text: string): boolean {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const numbers = match?.slice(1).map(Number);
  if (numbers === undefined || numbers.some((number) => number > 255)) return false;
  bytes.set(numbers, 12);
  return true;
}

/**
 * Which of this host's addresses a flow with that peer most likely used: the peer's own one for loopback, one in the
 * same network, else the first of the same family. The kernel aggregates over local addresses, so it is an estimate
 * where several would do.
 */
export function localAddressFor(peer: Uint8Array, local: readonly LocalAddress[]): Uint8Array {
  if (isLoopback(peer) || local.some((address) => sameBits(address.bytes, peer, 128))) return peer;
  const family = isIpv4(peer);
  const candidates = local.filter((address) => isIpv4(address.bytes) === family);
  const near = candidates.filter((address) => sameBits(address.bytes, peer, address.bits));
  const nearest = near.sort((a, b) => b.bits - a.bits)[0] ?? candidates[0];
  return nearest?.bytes ?? new Uint8Array(16);
}

function isIpv4(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
}

function isLoopback(bytes: Uint8Array): boolean {
  if (isIpv4(bytes)) return bytes[12] === 127;
  return bytes[15] === 1 && bytes.subarray(0, 15).every((byte) => byte === 0);
}

function sameBits(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  for (let i = 0; i < 16; i++) {
    const kept = Math.min(8, Math.max(0, bits - i * 8));
    const mask = (0xff << (8 - kept)) & 0xff;
    if (((a[i] ?? 0) & mask) !== ((b[i] ?? 0) & mask)) return false;
  }
  return true;
}
