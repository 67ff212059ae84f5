"""What somebody with raw sockets at a host's address can try against the proof; written from docs/proof.md alone.

    forge.py capture PORT                            prints `ready`, then the first IPv4 SYN that leaves for the port and names
                                                     its software
    forge.py inject SYN                              sends it as it is
    forge.py inject SYN port=N | mac=random | key=random     with another port, a made-up MAC, a MAC by a wrong key

A SYN is hexadecimal, from the IP header on. `inject` sends it once a second, as TCP does, and prints what came back.
"""

import os
import select
import socket
import struct
import sys
import time

OPTION = bytes.fromhex("fe105257")
WORD_MASK = (1 << 64) - 1
EPOCH_SECONDS = 64
NUMBER_MASK = (1 << 28) - 1
SENDINGS = 3
ANSWER_SECONDS_MAX = 1
CAPTURE_SECONDS_MAX = 10


def siphash24(key, message):
    k0, k1 = struct.unpack("<QQ", key)
    v0, v1 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D
    v2, v3 = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573

    def left(value, bits):
        return (value << bits | value >> (64 - bits)) & WORD_MASK

    def rounds(count):
        nonlocal v0, v1, v2, v3
        for _ in range(count):
            v0 = (v0 + v1) & WORD_MASK
            v1 = left(v1, 13) ^ v0
            v0 = left(v0, 32)
            v2 = (v2 + v3) & WORD_MASK
            v3 = left(v3, 16) ^ v2
            v0 = (v0 + v3) & WORD_MASK
            v3 = left(v3, 21) ^ v0
            v2 = (v2 + v1) & WORD_MASK
            v1 = left(v1, 17) ^ v2
            v2 = left(v2, 32)

    whole = len(message) // 8 * 8
    last = message[whole:].ljust(7, b"\0") + bytes([len(message) & 0xFF])
    for at in range(0, whole + 8, 8):
        block = struct.unpack("<Q", message[at : at + 8] if at < whole else last)[0]
        v3 ^= block
        rounds(2)
        v0 ^= block
    v2 ^= 0xFF
    rounds(4)
    return struct.pack("<Q", v0 ^ v1 ^ v2 ^ v3)


def mac_of(key, source, destination, ports, sequence, word, epoch):
    """The MAC of a SYN over IPv4."""
    mapped = [b"\0" * 10 + b"\xff\xff" + address for address in (source, destination)]
    return siphash24(key, b"".join(mapped) + ports + struct.pack("!IIIII", sequence, word, epoch, 0, 1))


# The example of docs/proof.md: what this program takes for the format is the format.
EXAMPLE = (bytes(range(16)), bytes([10, 0, 2, 7]), bytes([10, 0, 3, 4]), struct.pack("!HH", 41822, 5432))
assert mac_of(*EXAMPLE, 0x12345678, 0xB0001267, 28_000_003).hex() == "b29369f91805c332"


def change(packet, how):
    what, value = how.split("=")
    at = packet.index(OPTION)
    if what == "port":
        packet[22:24] = struct.pack("!H", int(value))
    elif what == "mac":
        packet[at + 8 : at + 16] = os.urandom(8)
    elif what == "key":
        sequence, word = struct.unpack("!I", packet[24:28])[0], struct.unpack("!I", packet[at + 4 : at + 8])[0]
        epoch = int(time.time()) // EPOCH_SECONDS
        word = word & ~(3 << 28) | (epoch & 3) << 28
        packet[at + 4 : at + 8] = struct.pack("!I", word)
        ends = (bytes(packet[12:16]), bytes(packet[16:20]), bytes(packet[20:24]))
        packet[at + 8 : at + 16] = mac_of(os.urandom(16), *ends, sequence, word, epoch)


def write_checksum(packet):
    packet[36:38] = b"\0\0"
    segment = bytes(packet[20:])
    covered = bytes(packet[12:20]) + struct.pack("!HH", 6, len(segment)) + segment
    total = sum(struct.unpack(f"!{len(covered) // 2}H", covered))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    packet[36:38] = struct.pack("!H", ~total & 0xFFFF)


def names_software(packet):
    at = packet.find(OPTION)
    return at >= 0 and struct.unpack("!I", packet[at + 4 : at + 8])[0] & NUMBER_MASK != 0


def capture(port):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    wire.settimeout(CAPTURE_SECONDS_MAX)
    print("ready", flush=True)
    while True:
        packet = wire.recv(2048)
        if packet[0] != 0x45 or packet[9] != 6 or packet[33] & 0x12 != 2:
            continue
        if packet[22:24] == struct.pack("!H", port) and names_software(packet):
            return print(f"syn {packet.hex()}", flush=True)


def inject(text, changes):
    packet = bytearray.fromhex(text)
    for one in changes:
        change(packet, one)
    write_checksum(packet)
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    heard = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    for _ in range(SENDINGS):
        out.sendto(packet, (socket.inet_ntoa(bytes(packet[16:20])), 0))
        end = time.monotonic() + ANSWER_SECONDS_MAX
        while select.select([heard], [], [], max(0, end - time.monotonic()))[0]:
            answer = heard.recv(2048)
            if answer[20:22] == packet[22:24] and answer[22:24] == packet[20:22]:
                return print("reached: SYN-ACK" if answer[33] & 0x12 == 0x12 else "reset")
    print("silence")


if sys.argv[1] == "capture":
    capture(int(sys.argv[2]))
else:
    inject(sys.argv[2], sys.argv[3:])
