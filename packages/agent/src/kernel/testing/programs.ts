/**
 * Small real programs that tests run on their hosts. Each waits for a line, so that the agent knows it before it acts,
 * and prints one JSON line per result.
 */

import { SLOWNESS } from "./requirements.ts";

const PYTHON = ["/usr/bin/python3", "-I", "-c"];

/** Connects, sends `send` bytes, reads until the end or `read` bytes; prints {errno, ms}. */
export function connect(address: string, port: number, { send = 0, read = 0, timeoutS = 5 } = {}): string[] {
  return [
    ...PYTHON,
    `
import sys; sys.stdin.readline()
import socket, sys, time, json
address, port, send, read, patience = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
s.settimeout(patience)
start = time.monotonic()
error = 0
try:
    s.connect((address, port))
    s.sendall(b"x" * send)
    while read > 0:
        got = s.recv(read)
        if not got: break
        read -= len(got)
except OSError as problem:
    error = problem.errno or -1
print(json.dumps({"errno": error, "ms": (time.monotonic() - start) * 1000}), flush=True)
s.close()`,
    address,
    String(port),
    String(send),
    String(read),
    String(timeoutS * SLOWNESS),
  ];
}

/** Listens; prints "ready"; answers each connection with `send` bytes after reading `read`. Runs until killed. */
export function serve(address: string, port: number, { send = 0, read = 0 } = {}): string[] {
  return [
    ...PYTHON,
    `
import sys; sys.stdin.readline()
import socket, sys
address, port, send, read = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((address, port))
s.listen(64)
print("ready", flush=True)
while True:
    c, _ = s.accept()
    try:
        left = read
        while left > 0:
            got = c.recv(left)
            if not got: break
            left -= len(got)
        c.sendall(b"y" * send)
    except OSError:
        pass
    c.close()`,
    address,
    String(port),
    String(send),
    String(read),
  ];
}

/** Sends one datagram of `bytes` and waits for the answer, if `answer`; prints {errno, got}. */
export function sendDatagram(
  address: string,
  port: number,
  { bytes = 10, answer = false, connected = false, times = 1 } = {},
): string[] {
  return [
    ...PYTHON,
    `
import sys; sys.stdin.readline()
import socket, sys, json
address, port, size, answer, connected, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "true", sys.argv[5] == "true", int(sys.argv[6])
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(${3 * SLOWNESS})
error, got = 0, 0
try:
    if connected: s.connect((address, port))
    for _ in range(times):
        if connected: s.send(b"x" * size)
        else: s.sendto(b"x" * size, (address, port))
        if answer: got += len(s.recv(2048))
except OSError as problem:
    error = problem.errno or -1
print(json.dumps({"errno": error, "got": got}), flush=True)`,
    address,
    String(port),
    String(bytes),
    String(answer),
    String(connected),
    String(times),
  ];
}

/** Answers each datagram with one of the same length; prints "ready" or the error of an answer. */
export function echoDatagrams(address: string, port: number): string[] {
  return [
    ...PYTHON,
    `
import sys; sys.stdin.readline()
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(2048)
    try: s.sendto(data, peer)
    except OSError as problem: print("error", problem.errno, flush=True)`,
    address,
    String(port),
  ];
}

/** Any few lines of Python, with `socket`, `json` and the arguments as `args`. */
export function python(lines: string, ...args: readonly string[]): string[] {
  return [
    ...PYTHON,
    `import sys; sys.stdin.readline()\nimport socket, json\nargs = sys.argv[1:]\n${lines}`,
    ...args,
  ];
}
