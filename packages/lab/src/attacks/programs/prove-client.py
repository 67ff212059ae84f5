"""Connects to a greeting server, or sends it datagrams until it answers one (udp/PORT).

    prove-client.py NAME PORT SECONDS                once, for at most SECONDS
    prove-client.py NAME PORT SECONDS COUNT          COUNT times, one after the other: how many were greeted
    prove-client.py NAME PORT SECONDS forever        until it is ended: a line for each attempt with its times and its error
"""

import socket
import sys
import time

PAUSE_SECONDS = 0.02
LOSSES_NAMED_MAX = 3
QUESTION = b"question"
ANSWER_SECONDS = 1
ASK_AGAIN_SECONDS = 0.2


def ask(name, port, seconds):
    """Nothing sends a datagram again but this: each time from another socket, as a flow of its own."""
    end, error = time.monotonic() + seconds, None
    family, kind, _, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_DGRAM)[0]
    while time.monotonic() < end:
        try:
            with socket.socket(family, kind) as own:
                own.settimeout(ANSWER_SECONDS)
                own.connect(address)
                own.send(QUESTION)
                if own.recv(64) == b"hello\n":
                    return None
        except OSError as problem:
            error = problem.strerror or str(problem) or type(problem).__name__
        time.sleep(ASK_AGAIN_SECONDS)
    return error or "no greeting"


def attempt(name, port, seconds):
    """The error, or None."""
    if port.startswith("udp/"):
        return ask(name, int(port[4:]), seconds)
    try:
        with socket.create_connection((name, port), seconds) as connection:
            connection.settimeout(seconds)
            return None if connection.recv(6) == b"hello\n" else "no greeting"
    except OSError as error:
        return error.strerror or str(error) or type(error).__name__


def many(name, port, seconds, count):
    errors = [error for error in (attempt(name, port, seconds) for _ in range(count)) if error]
    named = "".join(f", {error}" for error in errors[:LOSSES_NAMED_MAX])
    print(f"reached: {count - len(errors)} of {count}{named}")


def forever(name, port, seconds):
    while True:
        began = time.time_ns() // 1_000_000
        error = attempt(name, port, seconds)
        print(f"{'refused' if error else 'greeted'} {began} {time.time_ns() // 1_000_000} {error or ''}", flush=True)
        time.sleep(PAUSE_SECONDS)


def main():
    name, port, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    how = sys.argv[4] if len(sys.argv) > 4 else ""
    if how == "forever":
        forever(name, port, seconds)
    if how:
        return many(name, port, seconds, int(how))
    began = time.monotonic()
    error = attempt(name, port, seconds)
    if error:
        sys.exit(error)
    print(f"reached: greeted after {(time.monotonic() - began) * 1000:.0f} ms")


main()
