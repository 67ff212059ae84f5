/** DNS messages as far as rules by name need them (RFC 1035, RFC 3596). What does not parse says nothing. */

/** What a resolver said. Names are lower case without the final dot. */
export type DnsMessage = {
  readonly id: number;
  readonly isAnswer: boolean;
  /** Cut: the program asks again by TCP, and that answer says it all. */
  readonly truncated: boolean;
  readonly failed: boolean;
  readonly question: { readonly name: string; readonly type: number };
  readonly answers: readonly DnsRecord[];
};
export type DnsRecord =
  | {
      readonly kind: "address";
      readonly name: string;
      readonly ttlSeconds: number;
      readonly address: Uint8Array;
    }
  | { readonly kind: "alias"; readonly name: string; readonly ttlSeconds: number; readonly target: string };

export const TYPE_A = 1;
export const TYPE_CNAME = 5;
export const TYPE_AAAA = 28;
const CLASS_INTERNET = 1;
const HEADER_BYTES = 12;
/** RFC 1035, 2.3.4. */
const NAME_LENGTH_MAX = 253;
/** Pointers of one name; each has to point further back, so that there is no circle. */
const POINTERS_MAX = 32;
/** Records of one answer that are looked at. */
const RECORDS_MAX = 256;

/** The message, or null where it is not one question about the internet, or ends too early. */
export function decodeDnsMessage(bytes: Uint8Array): DnsMessage | null {
  if (bytes.length < HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint16(2);
  const opcode = (flags >> 11) & 15;
  if (opcode !== 0 || view.getUint16(4) !== 1) return null;
  const asked = readName(bytes, HEADER_BYTES);
  if (asked === null || asked.end + 4 > bytes.length) return null;
  if (view.getUint16(asked.end + 2) !== CLASS_INTERNET) return null;
  return {
    id: view.getUint16(0),
    isAnswer: (flags & 0x8000) !== 0,
    truncated: (flags & 0x0200) !== 0,
    failed: (flags & 15) !== 0,
    question: { name: asked.name, type: view.getUint16(asked.end) },
    answers: readRecords(bytes, view, asked.end + 4, view.getUint16(6)),
  };
}

/** Records up to the first that is cut; only addresses and aliases. */
function readRecords(bytes: Uint8Array, view: DataView, start: number, count: number): readonly DnsRecord[] {
  const records: DnsRecord[] = [];
  let at = start;
  for (let left = Math.min(count, RECORDS_MAX); left > 0; left--) {
    const owner = readName(bytes, at);
    if (owner === null || owner.end + 10 > bytes.length) break;
    const data = owner.end + 10;
    const length = view.getUint16(owner.end + 8);
    if (data + length > bytes.length) break;
    at = data + length;
    if (view.getUint16(owner.end + 2) !== CLASS_INTERNET) continue;
    const base = { name: owner.name, ttlSeconds: ttlOf(view.getUint32(owner.end + 4)) };
    const type = view.getUint16(owner.end);
    if (type === TYPE_CNAME) {
      const target = readName(bytes, data);
      if (target !== null && target.end === at) records.push({ kind: "alias", ...base, target: target.name });
    } else {
      const address = addressOf(type, bytes.subarray(data, at));
      if (address !== null) records.push({ kind: "address", ...base, address });
    }
  }
  return records;
}

/** RFC 2181, 8: with the highest bit set it means zero. */
function ttlOf(value: number): number {
  return value > 0x7fff_ffff ? 0 : value;
}

/** 16 bytes, IPv4 mapped. */
function addressOf(type: number, data: Uint8Array): Uint8Array | null {
  if (type === TYPE_AAAA && data.length === 16) return data.slice();
  if (type !== TYPE_A || data.length !== 4) return null;
  const mapped = new Uint8Array(16);
  mapped.set([0xff, 0xff], 10);
  mapped.set(data, 12);
  return mapped;
}

/** A name and where it ends; null where it is none: too long, in a circle, or with bytes that no host name has. */
function readName(bytes: Uint8Array, start: number): { readonly name: string; readonly end: number } | null {
  const labels: string[] = [];
  let at = start;
  let end = -1;
  let length = 0;
  for (let pointers = 0; ; ) {
    const size = bytes[at];
    if (size === undefined) return null;
    if (size === 0) break;
    if (size >= 0xc0) {
      const low = bytes[at + 1];
      if (low === undefined || ++pointers > POINTERS_MAX) return null;
      if (end === -1) end = at + 2;
      const target = ((size & 0x3f) << 8) | low;
      if (target >= at) return null;
      at = target;
      continue;
    }
    if (size > 63 || at + 1 + size > bytes.length) return null;
    const label = labelOf(bytes.subarray(at + 1, at + 1 + size));
    if (label === null) return null;
    labels.push(label);
    length += size + 1;
    if (length > NAME_LENGTH_MAX + 1) return null;
    at += size + 1;
  }
  return { name: labels.join("."), end: end === -1 ? at + 1 : end };
}

/** Letters, digits, `-` and `_`: dots or control characters in a label would make it look like another name. */
function labelOf(bytes: Uint8Array): string | null {
  const text = Buffer.from(bytes).toString("latin1").toLowerCase();
  return /^[a-z0-9_-]+$/.test(text) ? text : null;
}
