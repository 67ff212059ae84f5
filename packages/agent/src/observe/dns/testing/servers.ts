/** A small DNS server and a program that asks it, as real processes (Python). */
import { python } from "../../../kernel/testing/programs.ts";

/**
 * Answers at `address`, UDP and TCP, from `zone`: name → records, each "A 10.0.0.1", "AAAA fd00::1" or "CNAME other".
 * The name's options come first, after "!": `cut` (UDP answers are truncated), `lie` (an answer with another id and the
 * address 10.77.0.66 goes before the true one). Prints "ready".
 */
export function dnsServer(address: string, zone: Readonly<Record<string, readonly string[]>>): string[] {
  return python(
    `
import os, socket, struct, threading
zone = json.loads(args[1])
family = socket.AF_INET6 if ":" in args[0] else socket.AF_INET
def name_of(text):
    return b"".join(bytes([len(l)]) + l.encode() for l in text.split(".")) + b"\\0"
def record(owner, text):
    kind, value = text.split(" ")
    number = {"A": 1, "AAAA": 28, "CNAME": 5}[kind]
    data = name_of(value) if kind == "CNAME" else socket.inet_pton(socket.AF_INET if kind == "A" else socket.AF_INET6, value)
    return name_of(owner) + struct.pack("!HHIH", number, 1, 1, len(data)) + data
def reply(query, tcp, forged=False):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode()); at += 1 + query[at]
    question, kind, owner = query[12:at + 5], struct.unpack("!H", query[at + 1:at + 3])[0], ".".join(labels)
    found, name, options = [], owner.lower(), []
    while True:
        texts = zone.get(name, [])
        options += [t[1:] for t in texts if t[0] == "!"]
        aliases = [t for t in texts if t.startswith("CNAME ")]
        if not aliases: break
        found.append(record(name, aliases[0])); name = aliases[0].split(" ")[1]
    wanted = {1: "A ", 28: "AAAA "}.get(kind, "?")
    found += [record(name, t) for t in zone.get(name, []) if t.startswith(wanted)]
    if forged: found = [record(owner, "A 10.77.0.66")]
    cut = "cut" in options and not tcp
    if cut: found = []
    ident = bytes([query[0] ^ 0x55]) + query[1:2] if forged else query[:2]
    return options, ident + struct.pack("!HHHHH", 0x8180 | (0x200 if cut else 0), 1, len(found), 0, 0) + question + b"".join(found)
def serve_tcp():
    t = socket.socket(family, socket.SOCK_STREAM)
    t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    t.bind((args[0], 53)); t.listen(8)
    while True:
        c, _ = t.accept()
        stream = c.makefile("rb")
        body = reply(stream.read(struct.unpack("!H", stream.read(2))[0]), True)[1]
        whole = struct.pack("!H", len(body)) + body
        c.sendall(whole[:5]); c.sendall(whole[5:]); c.close()
s = socket.socket(family, socket.SOCK_DGRAM)
s.bind((args[0], 53))
threading.Thread(target=serve_tcp, daemon=True).start()
print("ready", flush=True)
while True:
    query, peer = s.recvfrom(4096)
    options, body = reply(query, False)
    if "lie" in options: s.sendto(reply(query, False, True)[1], peer)
    s.sendto(body, peer)`,
    address,
    JSON.stringify(zone),
  );
}

/**
 * Asks `resolver` for the name's addresses of a family and connects to `port` of the first at once, or of `insteadOf`;
 * prints {addresses, errno}. By TCP where the answer is cut. `hold`: waits for a line, then sends and reads one more byte
 * over the open connection and prints {alive}.
 */
export function resolveAndConnect(
  resolver: string,
  name: string,
  port: number,
  { type = 1, instead = "", hold = false } = {},
): string[] {
  return python(
    `
import os, struct, sys
resolver, name, port, kind, instead, hold = args[0], args[1], int(args[2]), int(args[3]), args[4], args[5] == "true"
family = socket.AF_INET6 if ":" in resolver else socket.AF_INET
query = os.urandom(2) + struct.pack("!HHHHH", 0x100, 1, 0, 0, 0)
query += b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\\0" + struct.pack("!HH", kind, 1)
s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(5); s.connect((resolver, 53)); s.send(query)
body = s.recv(4096)
while body[:2] != query[:2]: body = s.recv(4096)
if body[2] & 2:
    t = socket.socket(family, socket.SOCK_STREAM); t.settimeout(5); t.connect((resolver, 53))
    t.sendall(struct.pack("!H", len(query)) + query)
    stream = t.makefile("rb"); size = struct.unpack("!H", stream.read(2))[0]; body = stream.read(size); t.close()
at = len(query); addresses = []
for _ in range(struct.unpack("!H", body[6:8])[0]):
    while body[at]:
        if body[at] >= 0xc0: at += 1; break
        at += 1 + body[at]
    number, _, _, length = struct.unpack("!HHIH", body[at + 1:at + 11]); at += 11
    if number == kind: addresses.append(socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, body[at:at + length]))
    at += length
target = instead or (addresses[0] if addresses else "192.0.2.1")
c = socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET); c.settimeout(5)
error = c.connect_ex((target, port))
print(json.dumps({"addresses": addresses, "errno": error}), flush=True)
if hold:
    sys.stdin.readline()
    try: c.sendall(b"x"); alive = len(c.recv(1)) == 1
    except OSError: alive = False
    print(json.dumps({"alive": alive}), flush=True)`,
    resolver,
    name,
    String(port),
    String(type),
    instead,
    String(hold),
  );
}
