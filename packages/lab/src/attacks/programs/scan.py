"""Tries ports of hosts, all at once, over IPv4 and IPv6:  scan.py HOST,… PORT,…   prints the open ones as `HOST:PORT`."""

import selectors
import socket
import sys
import time

SECONDS_MAX = 3


def main():
    names, ports = (argument.split(",") for argument in sys.argv[1:3])
    waiting = selectors.DefaultSelector()
    for name in names:
        for port in ports:
            for suffix, family in (("4", socket.AF_INET), ("6", socket.AF_INET6)):
                address = socket.getaddrinfo(name + suffix, int(port), family, socket.SOCK_STREAM)[0][4]
                attempt = socket.socket(family, socket.SOCK_STREAM)
                attempt.setblocking(False)
                attempt.connect_ex(address)
                waiting.register(attempt, selectors.EVENT_WRITE, f"{name}{suffix}:{port}")
    found = []
    deadline = time.monotonic() + SECONDS_MAX
    while waiting.get_map() and time.monotonic() < deadline:
        for key, _ in waiting.select(deadline - time.monotonic()):
            if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                found.append(key.data)
            waiting.unregister(key.fileobj)
            key.fileobj.close()
    print("open:", " ".join(sorted(found)))


main()
