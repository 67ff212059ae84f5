"""Connects to a host again and again, each time anew, until its input ends; then says what came of it.

    client.py HOST GAP_SECONDS NUMBER       HOST has the names HOST4 and HOST6; NUMBER 0 to 9 differs for each client
The same program under another name is another software: what is allowed for the one is refused to the other.
"""

import itertools
import json
import socket
import sys
import threading
import time

SECONDS_MAX = 20
# A datagram of a program that nobody has described yet is refused at once, since nobody would send it again; what is tried here
# is the time after that. New processes are curl's part.
DESCRIBED_SECONDS = 2
LOSSES_MAX = 20
counts = {}
losses = []
lock = threading.Lock()
stopping = threading.Event()
# Its own range: a port that another client of the host has is not ours to bind.
first_port = 33000 + 2500 * int(sys.argv[3])
ports = itertools.cycle(range(first_port, first_port + 2500))


def note(kind, problem=None):
    with lock:
        count = counts.setdefault(kind, {"sent": 0, "ok": 0, "failed": 0})
        count["sent"] += 1
        count["ok" if problem is None else "failed"] += 1
        if problem is not None and len(losses) < LOSSES_MAX:
            losses.append({"time": time.strftime("%H:%M:%S"), "kind": kind, "reason": str(problem)})


def attempt(kind, work):
    try:
        work()
        note(kind)
    except (OSError, AssertionError) as problem:
        note(kind, f"{type(problem).__name__} {problem}")


def exchange(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(SECONDS_MAX)
        s.connect(address)
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while part := s.recv(4096):
            answer += part
        assert answer.endswith(b"hello\n"), answer[:40]


def datagram(family, address):
    """From a port of its own each time: a pair of ends that comes again within minutes is the same flow."""
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(SECONDS_MAX)
        s.bind(("", next(ports)))
        s.sendto(b"ping", (address[0], 8001, *address[2:]))
        assert s.recv(16) == b"ping"


def follow(family, address):
    """One connection that lasts throughout; its end before ours is a loss."""
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(SECONDS_MAX)
        s.connect(address)
        s.sendall(b"stream")
        while not stopping.is_set():
            assert s.recv(4096), "the stream ended"


def loop(kind, work, places, gap):
    serial = 0
    while not stopping.is_set():
        family, address = places[serial % 2]
        attempt(kind, lambda: work(family, address))
        serial += 1
        stopping.wait(gap)


def main():
    host, gap = sys.argv[1], float(sys.argv[2])
    places = [
        (family, socket.getaddrinfo(f"{host}{version}", 8000, family)[0][4])
        for family, version in ((socket.AF_INET, 4), (socket.AF_INET6, 6))
    ]
    works = [("tcp", exchange, gap), ("udp", datagram, gap), ("stream", follow, 1)]
    time.sleep(DESCRIBED_SECONDS)
    threads = [threading.Thread(target=loop, args=(kind, work, places, pause)) for kind, work, pause in works]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.read()
    stopping.set()
    for thread in threads:
        thread.join()
    print(json.dumps({"counts": counts, "losses": losses}), flush=True)


main()
