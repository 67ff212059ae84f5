import { fail, formatAddress, ok, type Problem, type Result } from "@ringwall/model";
import { type DatagramOption, decodeDatagramOption, findDatagramOption } from "./datagram-option.ts";
import { findOption, type ProofOption } from "./option.ts";

const IP4_BYTES = 20;
const IP6_BYTES = 40;
const TCP_BYTES = 20;
const TCP = 6;
const UDP = 17;
const UDP_BYTES = 8;

/** What an option says, for people. */
export type DescribedOption = Omit<ProofOption, "mac"> & {
  readonly mac: string;
  /** Behind a datagram: when it was made within the epoch, and what it answers, 0 for nothing; steps of 16 ns. */
  readonly stamp?: number;
  readonly question?: number;
  /** Where the bytes were a whole packet; addresses as text. */
  readonly packet?: {
    readonly kind: "syn" | "syn-ack" | "datagram";
    readonly source: string;
    readonly sourcePort: number;
    readonly destination: string;
    readonly destinationPort: number;
    readonly sequence: number;
    readonly acknowledgement: number;
  };
};

/**
 * Reads hexadecimal bytes, blanks allowed: the option alone, the options of a TCP header, or an IP packet with TCP or
 * UDP as `tcpdump -x` prints it.
 */
export function describeOption(text: string): Result<DescribedOption> {
  const hex = text.replace(/\s|0x[0-9a-f]{4}:/gi, "");
  if (!/^(?:[0-9a-f]{2})+$/i.test(hex)) return fail([notHex()]);
  const bytes = new Uint8Array(Buffer.from(hex, "hex"));
  const datagram = describeDatagram(bytes);
  if (datagram !== null) return ok(datagram);
  const tcpAt = headerAt(bytes, TCP, TCP_BYTES);
  const options = tcpAt === null ? bytes : optionsOf(bytes, tcpAt);
  const option = findOption(options);
  if (option === null) return fail([noOption()]);
  const described = { ...option, mac: macText(option) };
  return ok(tcpAt === null ? described : { ...described, packet: packetOf(bytes, tcpAt) });
}

/** The option in a packet with UDP, or by itself; null where these bytes are neither. */
function describeDatagram(bytes: Uint8Array): DescribedOption | null {
  const udpAt = headerAt(bytes, UDP, UDP_BYTES);
  const option = udpAt === null ? decodeDatagramOption(bytes) : findDatagramOption(bytes, udpAt);
  if (option === null) return null;
  const described = { ...option, mac: macText(option) };
  return udpAt === null ? described : { ...described, packet: datagramOf(bytes, udpAt) };
}

function macText({ mac }: ProofOption | DatagramOption): string {
  return Buffer.from(mac).toString("hex");
}

export function formatDescribedOption({ packet, ...option }: DescribedOption): string {
  const lines = [
    `number     ${option.number === 0 ? "0 (none yet)" : option.number}`,
    `key phases ${option.senderPhase} of the sender, ${option.receiverPhase} of the receiver`,
    `epoch      ends in binary ${option.epochBits.toString(2).padStart(2, "0")}`,
    `mac        ${option.mac}`,
  ];
  if (option.stamp !== undefined) lines.push(`stamp      ${option.stamp}`);
  if (option.question !== undefined)
    lines.push(`answers    ${option.question || "nothing: it opens the flow"}`);
  if (packet === undefined) return lines.join("\n");
  const { source, sourcePort, destination, destinationPort, sequence, acknowledgement } = packet;
  const of = { syn: "SYN", "syn-ack": "SYN-ACK", datagram: "UDP" }[packet.kind];
  const ack = packet.kind === "syn-ack" ? `, acknowledgement ${acknowledgement}` : "";
  const where = `packet     ${of} ${source} port ${sourcePort} → ${destination} port ${destinationPort}`;
  if (packet.kind === "datagram") return [where, ...lines].join("\n");
  return [`${where}, sequence ${sequence}${ack}`, ...lines].join("\n");
}

/** Where the transport's header begins in an IP packet of that protocol; null where the bytes are none. */
function headerAt(bytes: Uint8Array, proto: number, headerBytes: number): number | null {
  const version = (bytes[0] ?? 0) >> 4;
  const at = version === 4 ? ((bytes[0] ?? 0) & 15) * 4 : IP6_BYTES;
  if (bytes.length < at + headerBytes) return null;
  if (version === 4 && at >= IP4_BYTES && bytes[9] === proto) return at;
  return version === 6 && bytes[6] === proto ? at : null;
}

function optionsOf(bytes: Uint8Array, tcpAt: number): Uint8Array {
  const header = ((bytes[tcpAt + 12] ?? 0) >> 4) * 4;
  return bytes.subarray(tcpAt + TCP_BYTES, tcpAt + header);
}

type Packet = NonNullable<DescribedOption["packet"]>;

function packetOf(bytes: Uint8Array, tcpAt: number): Packet {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    ...endsOf(bytes, tcpAt),
    kind: (bytes[tcpAt + 13] ?? 0) & 0x10 ? "syn-ack" : "syn",
    sequence: view.getUint32(tcpAt + 4),
    acknowledgement: view.getUint32(tcpAt + 8),
  };
}

/** A datagram has no sequence number; its stamps are in the option. */
function datagramOf(bytes: Uint8Array, udpAt: number): Packet {
  return { ...endsOf(bytes, udpAt), kind: "datagram", sequence: 0, acknowledgement: 0 };
}

/** Both transports begin with their ports. */
function endsOf(bytes: Uint8Array, at: number): Omit<Packet, "kind" | "sequence" | "acknowledgement"> {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const isV4 = bytes[0] !== undefined && bytes[0] >> 4 === 4;
  const [first, width] = isV4 ? [12, 4] : [8, 16];
  const address = (begin: number) =>
    formatAddress(BigInt(`0x${hexOf(bytes, begin, width)}`) + (isV4 ? MAPPED : 0n));
  return {
    source: address(first),
    destination: address(first + width),
    sourcePort: view.getUint16(at),
    destinationPort: view.getUint16(at + 2),
  };
}

/** ::ffff:0:0 */
const MAPPED = 0xffff_0000_0000n;

function hexOf(bytes: Uint8Array, at: number, width: number): string {
  return Buffer.from(bytes.subarray(at, at + width)).toString("hex");
}

function notHex(): Problem {
  return {
    code: "not-hex",
    severity: "error",
    message: "that is not hexadecimal: two digits for each byte, blanks between them",
    fix: "give the option, the TCP options, or a packet as `tcpdump -x` prints it",
  };
}

function noOption(): Problem {
  return {
    code: "no-proof-option",
    severity: "error",
    message: "there is no proof option in these bytes",
    fix: "a proof begins with fe 10 52 57 and has 16 bytes, in a SYN or SYN-ACK, or behind a datagram with 7f 18 52 57 and 24",
  };
}
