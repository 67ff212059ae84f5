"""Greets whoever connects, over IPv4 and IPv6, and waits until he leaves:  prove-server.py PORT…"""

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


listeners = []
for port in sys.argv[1:]:
    one = socket.socket(socket.AF_INET6)
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("::", int(port)))
    one.listen(512)
    listeners.append(one)
print("ready", flush=True)
for one in listeners[1:]:
    threading.Thread(target=serve, args=(one,), daemon=True).start()
serve(listeners[0])
