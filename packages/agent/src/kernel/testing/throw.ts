/** A machine on the wire that no agent reaches: it sends frames as they are given, and hears what comes back. */
import { execFileSync, spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import type { TestHost } from "./host.ts";
import { python } from "./programs.ts";
import { SLOWNESS } from "./requirements.ts";

/** What came back to the port. */
export type Answer = "silence" | "syn-ack" | "reset" | "datagram" | "echo" | "unreachable" | "problem";

/** For an answer that has to come, and for one that must not, on a machine of usual speed. */
const PATIENCE_S = { answer: 3, silence: 0.4 };

/** Arguments: seconds to wait, the other end's MAC, the port, the packets in hexadecimal. */
const THROW = `
import select, struct, time
patience, mac, port = float(args[0]), bytes.fromhex(args[1]), struct.pack("!H", int(args[2]))
packets = [bytes.fromhex(one) for one in args[3:]]
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
s.bind(("wire0", 3)); s.setblocking(False)
def name(data):
    six = data[0] >> 4 == 6
    proto, body = (data[6], data[40:]) if six else (data[9], data[(data[0] & 15) * 4:])
    if proto == 6 and body[2:4] == port:
        return "syn-ack" if body[13] & 0x12 == 0x12 else "reset"
    if proto == 17 and body[2:4] == port: return "datagram"
    if proto == 1: return {0: "echo", 3: "unreachable", 12: "problem"}.get(body[0])
    if proto == 58: return {129: "echo", 1: "unreachable", 4: "problem"}.get(body[0])
    if proto == 44: return "echo" if body[0] == 58 else "datagram"
for packet in packets:
    s.sendto(packet, ("wire0", 0x86dd if packet[0] >> 4 == 6 else 0x0800, 0, 0, mac))
end, answer = time.monotonic() + patience, None
while not answer and time.monotonic() < end:
    if not select.select([s], [], [], end - time.monotonic())[0]: break
    data, about = s.recvfrom(65535)
    if about[2] != 4: answer = name(data)
print(json.dumps(answer or "silence"))`;

export async function throwPackets(
  from: TestHost,
  to: TestHost,
  port: number,
  packets: readonly Buffer[],
  expected: keyof typeof PATIENCE_S,
): Promise<Answer> {
  const hexadecimal = packets.map((packet) => packet.toString("hex"));
  const argv = python(
    THROW,
    String(PATIENCE_S[expected] * SLOWNESS),
    macOf(to),
    String(port),
    ...hexadecimal,
  );
  const child = spawn("nsenter", [`--net=/run/netns/${from.name}`, ...argv]);
  child.stdin.end("\n");
  const [said, problem] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (said === "") throw new Error(problem);
  // The program above prints one of these names.
  return JSON.parse(said) as Answer;
}

function macOf(host: TestHost): string {
  const shown = execFileSync("ip", ["-n", host.name, "-o", "link", "show", "wire0"], { encoding: "utf8" });
  return /link\/ether (\S+)/.exec(shown)?.[1]?.replaceAll(":", "") ?? "";
}
