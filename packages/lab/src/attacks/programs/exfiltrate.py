"""Sends something out by UDP, as DNS tunnels do, and waits for the answer."""

import socket

sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sender.settimeout(3)
sender.sendto(b"customers", ("internet6", 53))
answer, _ = sender.recvfrom(512)
print(f"reached: {len(answer)} bytes came back over UDP")
