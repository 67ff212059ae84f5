"""Counts metrics that arrive by UDP, and says so on standard output after each second in which some came."""

import select
import socket

PORT = 8125
BYTES_MAX = 512


def main():
    receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    receiver.bind(("::", PORT))
    print("ready", flush=True)
    received = 0
    said = 0
    while True:
        if select.select([receiver], [], [], 0.2)[0]:
            receiver.recv(BYTES_MAX)
            received += 1
        elif received > said:
            print(f"received {received}", flush=True)
            said = received


main()
