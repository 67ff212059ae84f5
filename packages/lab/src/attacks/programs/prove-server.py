"""Greets whoever connects, over IPv4 and IPv6, and waits until he leaves; udp/PORT: whoever sends a datagram.

    prove-server.py PORT… [udp/PORT…]
"""

import socket
import sys
import threading

GREETING = b"hello\n"
LEAVES_SECONDS_MAX = 10


def greet(connection):
    connection.settimeout(LEAVES_SECONDS_MAX)
    try:
        connection.sendall(GREETING)
        while connection.recv(64):
            pass
    except OSError:
        pass
    connection.close()


def serve(listener):
    while True:
        greeted, _ = listener.accept()
        threading.Thread(target=greet, args=(greeted,), daemon=True).start()


def answer(datagrams):
    while True:
        try:
            _, peer = datagrams.recvfrom(64)
            datagrams.sendto(GREETING, peer)
        except OSError:
            pass


def bound(kind, port):
    one = socket.socket(socket.AF_INET6, kind)
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("::", int(port)))
    return one


listeners = []
for port in sys.argv[1:]:
    if port.startswith("udp/"):
        datagrams = bound(socket.SOCK_DGRAM, port[4:])
        threading.Thread(target=answer, args=(datagrams,), daemon=True).start()
        continue
    listeners.append(bound(socket.SOCK_STREAM, port))
    listeners[-1].listen(512)
print("ready", flush=True)
for one in listeners[1:]:
    threading.Thread(target=serve, args=(one,), daemon=True).start()
serve(listeners[0])
