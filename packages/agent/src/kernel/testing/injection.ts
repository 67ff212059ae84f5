/** Programs of an attacker at the client's address, in Python. */

/**
 * Sends an IPv4 packet as it is given in hexadecimal, and says what came back to its port within a second: `silence`,
 * `syn-ack`, `reset`, or `answer` for a datagram.
 */
export const INJECT = `
import select, struct, time
packet = bytes.fromhex(args[0])
port = struct.unpack("!H", packet[20:22])[0]
def name(data):
    if data[9] == socket.IPPROTO_UDP: return "answer"
    return "syn-ack" if data[33] & 0x12 == 0x12 else "reset"
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
heard = socket.socket(socket.AF_INET, socket.SOCK_RAW, packet[9])
out.sendto(packet, ("10.77.0.2", 0))
end, answer = time.monotonic() + 1, "silence"
while answer == "silence" and time.monotonic() < end:
    if not select.select([heard], [], [], end - time.monotonic())[0]: break
    data = heard.recv(2048)
    if struct.unpack("!H", data[22:24])[0] == port: answer = name(data)
print(json.dumps(answer))`;

/** The first SYN (6) or datagram (17) that leaves for the port, in hexadecimal from the IP header on. */
export const CAPTURE = `
port, proto = int(args[0]).to_bytes(2, "big"), int(args[1])
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
s.settimeout(10)
print("ready", flush=True)
while True:
    data = s.recv(2048)
    if data[0] != 0x45 or data[9] != proto or data[22:24] != port: continue
    if proto != socket.IPPROTO_TCP or data[33] & 0x12 == 2: break
print(data.hex(), flush=True)`;
