import { fail, formatAddress, ok, type Problem, type Result } from "@ringwall/model";
import { findOption, type ProofOption } from "./option.ts";

const IP4_BYTES = 20;
const IP6_BYTES = 40;
const TCP_BYTES = 20;
const TCP = 6;

/** What an option says, for people. */
export type DescribedOption = Omit<ProofOption, "mac"> & {
  readonly mac: string;
  /** Where the bytes were a whole packet; addresses as text. */
  readonly packet?: {
    readonly kind: "syn" | "syn-ack";
    readonly source: string;
    readonly sourcePort: number;
    readonly destination: string;
    readonly destinationPort: number;
    readonly sequence: number;
    readonly acknowledgement: number;
  };
};

/**
 * Reads hexadecimal bytes, blanks allowed: the option alone, the options of a TCP header, or an IP packet as
 * `tcpdump -x` prints it.
 */
export function describeOption(text: string): Result<DescribedOption> {
  const hex = text.replace(/\s|0x[0-9a-f]{4}:/gi, "");
  if (!/^(?:[0-9a-f]{2})+$/i.test(hex)) return fail([notHex()]);
  const bytes = new Uint8Array(Buffer.from(hex, "hex"));
  const tcpAt = tcpHeaderAt(bytes);
  const options = tcpAt === null ? bytes : optionsOf(bytes, tcpAt);
  const option = findOption(options);
  if (option === null) return fail([noOption()]);
  const mac = Buffer.from(option.mac).toString("hex");
  const described = { ...option, mac };
  return ok(tcpAt === null ? described : { ...described, packet: packetOf(bytes, tcpAt) });
}

export function formatDescribedOption({ packet, ...option }: DescribedOption): string {
  const lines = [
    `number     ${option.number === 0 ? "0 (none yet)" : option.number}`,
    `key phases ${option.senderPhase} of the sender, ${option.receiverPhase} of the receiver`,
    `epoch      ends in binary ${option.epochBits.toString(2).padStart(2, "0")}`,
    `mac        ${option.mac}`,
  ];
  if (packet === undefined) return lines.join("\n");
  const { source, sourcePort, destination, destinationPort, sequence, acknowledgement } = packet;
  const of = packet.kind === "syn" ? "SYN" : "SYN-ACK";
  const ack = packet.kind === "syn" ? "" : `, acknowledgement ${acknowledgement}`;
  const where = `packet     ${of} ${source} port ${sourcePort} → ${destination} port ${destinationPort}`;
  return [`${where}, sequence ${sequence}${ack}`, ...lines].join("\n");
}

/** Where TCP begins in an IP packet; null where the bytes are none. */
function tcpHeaderAt(bytes: Uint8Array): number | null {
  const version = (bytes[0] ?? 0) >> 4;
  const at = version === 4 ? ((bytes[0] ?? 0) & 15) * 4 : IP6_BYTES;
  if (bytes.length < at + TCP_BYTES) return null;
  if (version === 4 && at >= IP4_BYTES && bytes[9] === TCP) return at;
  return version === 6 && bytes[6] === TCP ? at : null;
}

function optionsOf(bytes: Uint8Array, tcpAt: number): Uint8Array {
  const header = ((bytes[tcpAt + 12] ?? 0) >> 4) * 4;
  return bytes.subarray(tcpAt + TCP_BYTES, tcpAt + header);
}

function packetOf(bytes: Uint8Array, tcpAt: number): NonNullable<DescribedOption["packet"]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const isV4 = bytes[0] !== undefined && bytes[0] >> 4 === 4;
  const [first, width] = isV4 ? [12, 4] : [8, 16];
  const address = (at: number) =>
    formatAddress(BigInt(`0x${hexOf(bytes, at, width)}`) + (isV4 ? MAPPED : 0n));
  return {
    kind: (bytes[tcpAt + 13] ?? 0) & 0x10 ? "syn-ack" : "syn",
    source: address(first),
    destination: address(first + width),
    sourcePort: view.getUint16(tcpAt),
    destinationPort: view.getUint16(tcpAt + 2),
    sequence: view.getUint32(tcpAt + 4),
    acknowledgement: view.getUint32(tcpAt + 8),
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
    fix: "a proof begins with fe 10 52 57 and has 16 bytes; only SYN and SYN-ACK carry one",
  };
}
