/** What an attacker does: at the client's address, by programs in Python, and on the way, by nftables. */
import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { TestHost } from "./host.ts";
import { python } from "./programs.ts";
import { SLOWNESS } from "./requirements.ts";

/**
 * Sends an IPv4 packet as it is given in hexadecimal, and says what came back to its port within a second of a usual machine:
 * `silence`, `syn-ack`, `reset`, or `answer` for a datagram.
 */
const INJECT = `
import select, struct, time
packet = bytes.fromhex(args[0])
port = struct.unpack("!H", packet[20:22])[0]
def name(data):
    if data[9] == socket.IPPROTO_UDP: return "answer"
    return "syn-ack" if data[33] & 0x12 == 0x12 else "reset"
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
heard = socket.socket(socket.AF_INET, socket.SOCK_RAW, packet[9])
out.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
end, answer = time.monotonic() + ${SLOWNESS}, "silence"
while answer == "silence" and time.monotonic() < end:
    if not select.select([heard], [], [], end - time.monotonic())[0]: break
    data = heard.recv(2048)
    if struct.unpack("!H", data[22:24])[0] == port: answer = name(data)
print(json.dumps(answer))`;

/** The first SYN (6) or datagram (17) that leaves for the port, in hexadecimal from the IP header on. */
const CAPTURE = `
port, proto = int(args[0]).to_bytes(2, "big"), int(args[1])
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
s.settimeout(${10 * SLOWNESS})
print("ready", flush=True)
while True:
    data = s.recv(2048)
    if data[0] != 0x45 or data[9] != proto or data[22:24] != port: continue
    if proto != socket.IPPROTO_TCP or data[33] & 0x12 == 2: break
print(data.hex(), flush=True)`;

/** A program in the host's network that no agent reaches, told to begin. */
function startOutside(host: TestHost, argv: readonly string[]) {
  const child = spawn("nsenter", [`--net=/run/netns/${host.name}`, ...argv]);
  child.stdin.end("\n");
  return child;
}

/** The same, to its end: what it prints as JSON, which is the caller's to know. */
export async function outside<Answer>(host: TestHost, argv: readonly string[]): Promise<Answer> {
  return JSON.parse(await text(startOutside(host, argv).stdout)) as Answer;
}

/** From the host's network, by a program that no agent reaches. */
export function inject(host: TestHost, packet: Buffer): Promise<"silence" | "syn-ack" | "reset" | "answer"> {
  return outside(host, python(INJECT, packet.toString("hex")));
}

/** Looks on in the host's network, out of the agent's reach: kernels with LSM refuse such a socket in block. */
export async function startCapture(host: TestHost, port: number, proto: number) {
  const child = startOutside(host, python(CAPTURE, String(port), String(proto)));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  if ((await lines.next()).value !== "ready") throw new Error(`nobody looks on: ${await text(child.stderr)}`);
  return { packet: async () => Buffer.from((await lines.next()).value ?? "", "hex") };
}

/** What somebody on the way does: behind all programs of the sender, before those of the receiver's sockets. */
export function nft(host: TestHost, hook: "prerouting" | "postrouting", statement: string): void {
  const chain = `chain c {\ntype filter hook ${hook} priority -300\n${statement}\n}`;
  execFileSync("nsenter", [`--net=/run/netns/${host.name}`, "nft", "-f", "-"], {
    input: `table inet way {\n${chain}\n}\n`,
  });
}

export function unNft(host: TestHost): void {
  execFileSync("nsenter", [`--net=/run/netns/${host.name}`, "nft", "delete", "table", "inet", "way"]);
}

/** Writes the TCP checksum of an IPv4 packet without payload anew; the kernel writes the IP header's itself. */
export function writeChecksum(packet: Buffer): void {
  packet.writeUInt16BE(0, 36);
  const length = packet.length - 20;
  const pseudo = Buffer.concat([packet.subarray(12, 20), Buffer.from([0, 6, length >> 8, length & 0xff])]);
  let sum = 0;
  for (const part of [pseudo, packet.subarray(20)])
    for (let i = 0; i < part.length; i += 2) sum += part.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  packet.writeUInt16BE(~sum & 0xffff, 36);
}
