/** A machine on the wire that no agent reaches: it sends frames as they are given, and hears what comes back. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { TestHost } from "./host.ts";
import { python } from "./programs.ts";
import { SLOWNESS } from "./requirements.ts";

/** What came back to the port. */
export type Answer = "silence" | "syn-ack" | "reset" | "datagram" | "echo" | "unreachable" | "problem";

/** For an answer that has to come, on a machine of usual speed. */
const ANSWER_S = 3;
/**
 * For one that must not, once the other end has answered what was sent behind the packets: its kernel has seen them by
 * then and has said what it says of them; a program there may still have to wake up.
 */
const SILENCE_S = { kernel: 0.05, program: 0.4 };

/**
 * Arguments: the other end's MAC. Each line that it reads is the seconds to wait, those to wait once the packets have been
 * seen or "-", the port and the packets in hexadecimal; for each it prints what came. A socket for each: what an earlier
 * one has left is not taken for an answer.
 */
const THROW = `
import itertools, os, select, struct, time
mac, asked, ARP = bytes.fromhex(args[0]), itertools.count(), 0x0806
# All on one CPU, so that nothing overtakes.
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
def name(data, port):
    six = data[0] >> 4 == 6
    proto, body = (data[6], data[40:]) if six else (data[9], data[(data[0] & 15) * 4:])
    if proto == 6 and body[2:4] == port:
        return "syn-ack" if body[13] & 0x12 == 0x12 else "reset"
    if proto == 17 and body[2:4] == port: return "datagram"
    if proto == 1: return {0: "echo", 3: "unreachable", 12: "problem"}.get(body[0])
    if proto == 58: return {129: "echo", 1: "unreachable", 4: "problem"}.get(body[0])
    if proto == 44: return "echo" if body[0] == 58 else "datagram"
def throw(patience, rest, port, packets):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    s.bind(("wire0", 3)); s.setblocking(False)
    for packet in packets:
        s.sendto(packet, ("wire0", 0x86dd if packet[0] >> 4 == 6 else 0x0800, 0, 0, mac))
    asker = socket.inet_aton("10.77.0.%d" % (100 + next(asked) % 100))
    if rest != "-":
        ends = s.getsockname()[4], asker, bytes(6), socket.inet_aton("10.77.0.2")
        s.sendto(struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, *ends), ("wire0", ARP, 0, 0, mac))
    end, answer, seen = time.monotonic() + patience, None, rest == "-"
    while not answer and select.select([s], [], [], max(0, end - time.monotonic()))[0]:
        data, about = s.recvfrom(65535)
        if about[2] == 4: continue
        if about[1] != ARP: answer = name(data, port)
        elif data[24:28] == asker: end, seen = time.monotonic() + float(rest), True
    s.close()
    return answer or ("silence" if seen else "unseen")
print("ready", flush=True)
for line in sys.stdin:
    patience, rest, port, *packets = line.split()
    packets = [bytes.fromhex(one) for one in packets]
    print(throw(float(patience), rest, struct.pack("!H", int(port)), packets), flush=True)`;

export interface Thrower {
  readonly throwPackets: (
    port: number,
    packets: readonly Buffer[],
    /** Who would answer what must not be answered. */
    silent?: keyof typeof SILENCE_S,
  ) => Promise<Answer>;
  readonly stop: () => Promise<void>;
}

/** In the first host's namespace and in no control group of it: what it sends is judged by the second alone. */
export async function startThrower(from: TestHost, to: TestHost): Promise<Thrower> {
  const child = spawn("nsenter", [`--net=/run/netns/${from.name}`, ...python(THROW, macOf(to))]);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const problem = text(child.stderr);
  const ask = async (line: string): Promise<string> => {
    child.stdin.write(`${line}\n`);
    const { value } = await lines.next();
    if (value === undefined) throw new Error(await problem);
    return value;
  };
  await ask("go");
  return {
    throwPackets: async (port, packets, silent) => {
      const rest = silent ? SILENCE_S[silent] * SLOWNESS : "-";
      const hexadecimal = packets.map((packet) => packet.toString("hex"));
      const said = await ask([ANSWER_S * SLOWNESS, rest, port, ...hexadecimal].join(" "));
      if (said === "unseen")
        throw new Error("the other end does not even answer what stands behind the packets");
      // The program above prints one of these names.
      return said as Answer;
    },
    stop: async () => {
      const ended = once(child, "close");
      child.stdin.end();
      await ended;
    },
  };
}

function macOf(host: TestHost): string {
  const shown = execFileSync("ip", ["-n", host.name, "-o", "link", "show", "wire0"], { encoding: "utf8" });
  return /link\/ether (\S+)/.exec(shown)?.[1]?.replaceAll(":", "") ?? "";
}
