/** Short ways to write policy entries in tests. */
import { ANY, type PeerEntry, type PolicyEntry, type SubjectEntry } from "../contract.ts";

export const TCP = 6;
export const UDP = 17;

export function allow(entry: Partial<PolicyEntry>): PolicyEntry {
  return { ...DEFAULTS, action: "allow", ...entry };
}

export function deny(entry: Partial<PolicyEntry>): PolicyEntry {
  return { ...DEFAULTS, action: "deny", ...entry };
}

const DEFAULTS = {
  subject: ANY,
  peer: ANY,
  proto: TCP,
  port: 0,
  portBits: 0,
  direction: "out",
  immediate: false,
  essential: false,
  rule: 1,
} as const;

/** The class `peerClass` for one address. */
export function peer(text: string, peerClass: number, { self = false } = {}): PeerEntry {
  return { address: address(text), prefixBits: 128, peerClass, self, managed: false };
}

/** Identities that are their own subject class. */
export function subjects(...identities: readonly number[]): readonly SubjectEntry[] {
  return identities.map((identity) => ({ identity, subject: identity }));
}

/** `10.77.0.2`, or an IPv6 address with one `::` and up to one group on each side. */
export function address(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  if (text.includes(".")) {
    bytes.set([0xff, 0xff], 10);
    bytes.set(text.split(".").map(Number), 12);
    return bytes;
  }
  const [first = "", last = ""] = text.split("::");
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Number.parseInt(first || "0", 16));
  view.setUint16(14, Number.parseInt(last || "0", 16));
  return bytes;
}
