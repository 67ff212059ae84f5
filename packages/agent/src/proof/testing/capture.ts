/** The documented example as a capture file: `docs/proof.pcap`. Pure. */
import { encodeSurplus } from "../datagram-option.ts";
import { encodeOption, type ProvedPacket } from "../option.ts";
import { DATAGRAM_EXAMPLE, EXAMPLE } from "./example.ts";

const LINK_RAW_IP = 101;
const IP_BYTES = 20;
const TCP_BYTES = 20;
const MSS_1460 = Uint8Array.of(2, 4, 0x05, 0xb4);

/** A SYN with its proof, the SYN-ACK that answers it, and a datagram with its proof, in pcap format (raw IP). */
export function exampleCapture(): Buffer {
  const { packet, word, epoch, key } = EXAMPLE;
  const back: ProvedPacket = {
    source: packet.destination,
    destination: packet.source,
    sourcePort: packet.destinationPort,
    destinationPort: packet.sourcePort,
    sequence: 0x9abcdef0,
    acknowledgement: packet.sequence + 1,
    kind: "syn-ack",
  };
  const answer = { senderPhase: 0, receiverPhase: 1, number: 815 } as const;
  // Each direction has a key of its own.
  const answerKey = key.map((byte) => byte ^ 0xff);
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(LINK_RAW_IP, 20);
  return Buffer.concat([
    header,
    record(ipv4(packet, encodeOption(word, packet, epoch, key)), 0),
    record(ipv4(back, encodeOption(answer, back, epoch, answerKey)), 1),
    record(exampleDatagram(), 2),
  ]);
}

/** From its IP header on, with its proof in the surplus area. */
export function exampleDatagram(): Buffer {
  const { packet, word, epoch, key, data } = DATAGRAM_EXAMPLE;
  const udp = Buffer.concat([Buffer.alloc(8), Buffer.from(data)]);
  udp.writeUInt16BE(packet.sourcePort, 0);
  udp.writeUInt16BE(packet.destinationPort, 2);
  udp.writeUInt16BE(udp.length, 4);
  const ip = ipHeader(packet, 17, udp.length + encodeSurplus(word, packet, epoch, key, udp.length).length);
  const pseudo = Buffer.concat([ip.subarray(12, 20), Buffer.from([0, 17, 0, udp.length])]);
  udp.writeUInt16BE(sumOf(Buffer.concat([pseudo, udp, Buffer.alloc(udp.length % 2)])), 6);
  return Buffer.concat([ip, udp, encodeSurplus(word, packet, epoch, key, udp.length)]);
}

function record(bytes: Buffer, microseconds: number): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(EXAMPLE.epoch * 64, 0);
  head.writeUInt32LE(microseconds, 4);
  head.writeUInt32LE(bytes.length, 8);
  head.writeUInt32LE(bytes.length, 12);
  return Buffer.concat([head, bytes]);
}

function ipv4(packet: ProvedPacket, option: Uint8Array): Buffer {
  const tcp = Buffer.alloc(TCP_BYTES);
  const options = Buffer.concat([MSS_1460, option]);
  tcp.writeUInt16BE(packet.sourcePort, 0);
  tcp.writeUInt16BE(packet.destinationPort, 2);
  tcp.writeUInt32BE(packet.sequence, 4);
  tcp.writeUInt32BE(packet.acknowledgement, 8);
  tcp.writeUInt8(((TCP_BYTES + options.length) / 4) << 4, 12);
  tcp.writeUInt8(packet.kind === "syn" ? 0x02 : 0x12, 13);
  tcp.writeUInt16BE(64_240, 14);
  const segment = Buffer.concat([tcp, options]);
  const ip = ipHeader(packet, 6, segment.length);
  const pseudo = Buffer.concat([ip.subarray(12, 20), Buffer.from([0, 6, 0, segment.length])]);
  segment.writeUInt16BE(sumOf(Buffer.concat([pseudo, segment])), 16);
  return Buffer.concat([ip, segment]);
}

function ipHeader(packet: ProvedPacket, proto: number, bytes: number): Buffer {
  const ip = Buffer.alloc(IP_BYTES);
  ip.writeUInt8(0x45, 0);
  ip.writeUInt16BE(IP_BYTES + bytes, 2);
  ip.writeUInt8(64, 8);
  ip.writeUInt8(proto, 9);
  ip.set(packet.source.subarray(12), 12);
  ip.set(packet.destination.subarray(12), 16);
  ip.writeUInt16BE(sumOf(ip), 10);
  return ip;
}

/** RFC 1071. */
function sumOf(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
