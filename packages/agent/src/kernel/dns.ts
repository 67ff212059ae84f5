/** Observed DNS: whose answers count, what was said, and up to where it is taken in. */
import { decodeDnsEvent, dnsTime, encodeResolverKey, resolverKeyBytes } from "./generated/layout.ts";
import { type KernelMap, room, u32 } from "./kernel-map.ts";
import { directionName } from "./names.ts";
import { native } from "./native.ts";

/** What one packet to or from a resolver carried: a message by UDP, a piece of a stream by TCP. */
export interface DnsPacket {
  readonly timeNs: bigint;
  readonly socketCookie: bigint;
  readonly proto: number;
  readonly toResolver: boolean;
  /** TCP: of the first byte. */
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

export interface KernelDns {
  /** Only answers from these addresses are passed on; none: no DNS is looked at. */
  readonly setResolvers: (addresses: readonly Uint8Array[]) => void;
  readonly onPackets: (listener: (packets: readonly DnsPacket[]) => void) => { close: () => void };
  /**
   * Answers up to this time are in the live slot: a SYN need not wait for them. `null`: none ever has to, since no rule
   * in force goes by names.
   */
  readonly setTaken: (timeNs: bigint | null) => void;
}

export interface DnsMaps {
  readonly resolvers: KernelMap;
  readonly dnsTimes: KernelMap;
  readonly dnsEvents: KernelMap;
}

const RECORD_HEADER_BYTES = 8;
const FOR_EVER = 2n ** 64n - 1n;

export function kernelDns(maps: DnsMaps): KernelDns {
  return {
    setResolvers: (addresses) => {
      const wanted = new Map(addresses.map((address) => [keyOf(address), address]));
      for (const key of maps.resolvers.keys()) {
        const text = keyOf(new Uint8Array(key.buffer));
        if (!wanted.delete(text)) maps.resolvers.delete(key);
      }
      for (const address of wanted.values()) {
        const key = room(resolverKeyBytes);
        encodeResolverKey(key, { address });
        maps.resolvers.set(key, u32(1));
      }
    },
    onPackets: (listener) => {
      const { fd, shape } = maps.dnsEvents;
      const ring = new (native().Ring)(fd, shape.entries, (batch) => listener(decodePackets(batch)));
      return { close: () => ring.close() };
    },
    setTaken: (timeNs) => {
      const value = room(8);
      value.setBigUint64(0, timeNs ?? FOR_EVER, true);
      maps.dnsTimes.set(u32(dnsTime.taken), value);
    },
  };
}

function keyOf(address: Uint8Array): string {
  return Buffer.from(address).toString("hex");
}

function decodePackets(batch: Uint8Array): readonly DnsPacket[] {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  const packets: DnsPacket[] = [];
  for (let at = 0; at < batch.byteLength; ) {
    const bytes = view.getUint32(at, true);
    const raw = decodeDnsEvent(
      new DataView(batch.buffer, batch.byteOffset + at + RECORD_HEADER_BYTES, bytes),
    );
    packets.push({
      timeNs: raw.header.timeNs,
      socketCookie: raw.socketCookie,
      proto: raw.proto,
      toResolver: directionName(raw.direction) === "out",
      sequence: raw.sequence,
      bytes: raw.data.slice(0, raw.bytes),
    });
    at += RECORD_HEADER_BYTES + Math.ceil(bytes / 8) * 8;
  }
  return packets;
}
