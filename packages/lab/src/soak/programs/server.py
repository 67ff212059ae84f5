"""Answers on TCP 8000 (an HTTP reply, then a number every second for `stream`) and UDP 8001, IPv4 and IPv6."""

import selectors
import socket
import threading
import time

REPLY = b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"


def listener(kind, port):
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        s.listen(128)
    return s


def serve(connection):
    with connection:
        connection.settimeout(30)
        try:
            if not connection.recv(4096).startswith(b"stream"):
                connection.sendall(REPLY)
                return
            while True:
                connection.sendall(b".")
                time.sleep(1)
        except OSError:
            pass


def main():
    tcp, udp = listener(socket.SOCK_STREAM, 8000), listener(socket.SOCK_DGRAM, 8001)
    ready = selectors.DefaultSelector()
    ready.register(tcp, selectors.EVENT_READ)
    ready.register(udp, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in ready.select():
            if key.fileobj is tcp:
                threading.Thread(target=serve, args=(tcp.accept()[0],), daemon=True).start()
            else:
                data, peer = udp.recvfrom(2048)
                udp.sendto(data, peer)


main()
