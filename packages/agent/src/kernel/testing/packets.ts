/** Packets made by hand, from the IP header on, as an attacker on the wire would send them. */
import { address } from "./policies.ts";

export const IPPROTO = {
  hopByHop: 0,
  icmp: 1,
  tcp: 6,
  udp: 17,
  routing: 43,
  fragment: 44,
  authentication: 51,
  icmp6: 58,
  destination: 60,
};
export const FLAG = { fin: 1, syn: 2, rst: 4, push: 8, ack: 16, urgent: 32 };

export interface Ends {
  readonly from: string;
  readonly to: string;
  readonly fromPort: number;
  readonly toPort: number;
}

/** What stands between the IP header and the transport's; `next` is filled in. */
export type Extension = { readonly kind: number; readonly bytes: Buffer };

/** Eight bytes of padding as options. */
export const options = (kind: number): Extension => ({ kind, bytes: Buffer.from([0, 0, 1, 4, 0, 0, 0, 0]) });
export const atomicFragment: Extension = {
  kind: IPPROTO.fragment,
  bytes: Buffer.from([0, 0, 0, 0, 0, 0, 7, 7]),
};
/** Any header of one unit of eight bytes. */
export const unknown = (kind: number): Extension => ({ kind, bytes: Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]) });
/** RFC 4302, with a checksum of twelve bytes that nobody knows. */
export const authentication: Extension = {
  kind: IPPROTO.authentication,
  bytes: Buffer.concat([Buffer.from([0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]), Buffer.alloc(12)]),
};

/** A routing header with these addresses in it, the last station's first as in type 4. */
export function routing(type: number, left: number, ...stations: readonly string[]): Extension {
  const head = Buffer.from([0, 2 * stations.length, type, left, stations.length - 1, 0, 0, 0]);
  return { kind: IPPROTO.routing, bytes: Buffer.concat([head, ...stations.map(address)]) };
}

export function tcp(ends: Ends, { flags = FLAG.syn, offset = 5, payload = "" } = {}): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt16BE(ends.fromPort, 0);
  head.writeUInt16BE(ends.toPort, 2);
  head.writeUInt32BE(0x1234_5678, 4);
  head.writeUInt8(offset << 4, 12);
  head.writeUInt8(flags, 13);
  head.writeUInt16BE(64_000, 14);
  return withChecksum(Buffer.concat([head, Buffer.from(payload)]), ends, IPPROTO.tcp, 16);
}

/** `says`: the length in its header, where that is a lie. */
export function udp(ends: Ends, bytes: number, says = 8 + bytes): Buffer {
  const packet = Buffer.alloc(8 + bytes, "u");
  packet.writeUInt16BE(ends.fromPort, 0);
  packet.writeUInt16BE(ends.toPort, 2);
  packet.writeUInt16BE(says, 4);
  const covered = says < 8 || says > packet.length ? packet.length : says;
  withChecksum(packet.subarray(0, covered), ends, IPPROTO.udp, 6, says < 8 ? covered : says);
  return packet;
}

export function echo(ends: Ends, bytes: number): Buffer {
  const six = isSix(ends);
  const packet = Buffer.concat([Buffer.from([six ? 128 : 8, 0, 0, 0, 0, 7, 0, 1]), Buffer.alloc(bytes, "e")]);
  if (six) return withChecksum(packet, ends, IPPROTO.icmp6, 2);
  packet.writeUInt16BE(0, 2);
  packet.writeUInt16BE(checksum(packet), 2);
  return packet;
}

export function ip4(
  ends: Ends,
  protocol: number,
  body: Buffer,
  { options = Buffer.alloc(0), fragment = 0 } = {},
): Buffer {
  const head = Buffer.alloc(20 + options.length);
  head.writeUInt8(0x40 | (head.length >> 2), 0);
  head.writeUInt16BE(head.length + body.length, 2);
  head.writeUInt16BE(ends.fromPort, 4);
  head.writeUInt16BE(fragment, 6);
  head.writeUInt8(64, 8);
  head.writeUInt8(protocol, 9);
  head.set(bytesOf(ends.from), 12);
  head.set(bytesOf(ends.to), 16);
  head.set(options, 20);
  head.writeUInt16BE(checksum(head), 10);
  return Buffer.concat([head, body]);
}

export function ip6(
  ends: Ends,
  protocol: number,
  body: Buffer,
  extensions: readonly Extension[] = [],
): Buffer {
  const chain = chained(extensions, protocol);
  const payload = Buffer.concat([...chain.parts, body]);
  const head = Buffer.alloc(40);
  head.writeUInt8(0x60, 0);
  head.writeUInt16BE(payload.length, 4);
  head.writeUInt8(chain.first, 6);
  head.writeUInt8(64, 7);
  head.set(bytesOf(ends.from), 8);
  head.set(bytesOf(ends.to), 24);
  return Buffer.concat([head, payload]);
}

export const ip = (ends: Ends, protocol: number, body: Buffer): Buffer =>
  isSix(ends) ? ip6(ends, protocol, body) : ip4(ends, protocol, body);

/** A part of a packet: from which byte of what is cut, which bytes, and whether more follow. */
export type Piece = { readonly at: number; readonly bytes: Buffer; readonly more: boolean };

/** Cut behind each of these bytes, all of them multiples of 8. */
export function cut(body: Buffer, ...behind: readonly number[]): readonly Piece[] {
  const ends = [...behind, body.length];
  return ends.map((end, i) => {
    const at = ends[i - 1] ?? 0;
    return { at, bytes: body.subarray(at, end), more: i < ends.length - 1 };
  });
}

export function fragment(ends: Ends, protocol: number, piece: Piece): Buffer {
  if (!isSix(ends))
    return ip4(ends, protocol, piece.bytes, { fragment: (piece.more ? 0x2000 : 0) | (piece.at >> 3) });
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(piece.at | (piece.more ? 1 : 0), 2);
  head.writeUInt32BE(ends.fromPort, 4);
  return ip6(ends, protocol, piece.bytes, [{ kind: IPPROTO.fragment, bytes: head }]);
}

export const isSix = (ends: Ends): boolean => ends.to.includes(":");
const bytesOf = (text: string): Uint8Array => address(text).subarray(text.includes(":") ? 0 : 12);

/** Each names the next; the last one the transport. */
function chained(extensions: readonly Extension[], protocol: number) {
  const kinds = [...extensions.map(({ kind }) => kind), protocol];
  const parts = extensions.map(({ bytes }, i) => {
    const part = Buffer.from(bytes);
    part.writeUInt8(kinds[i + 1] ?? protocol, 0);
    return part;
  });
  return { first: kinds[0] ?? protocol, parts };
}

function withChecksum(
  packet: Buffer,
  ends: Ends,
  protocol: number,
  at: number,
  length = packet.length,
): Buffer {
  const pseudo = Buffer.alloc(8);
  pseudo.writeUInt32BE(length, 0);
  pseudo.writeUInt8(protocol, 7);
  packet.writeUInt16BE(0, at);
  packet.writeUInt16BE(checksum(Buffer.concat([bytesOf(ends.from), bytesOf(ends.to), pseudo, packet])), at);
  return packet;
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
