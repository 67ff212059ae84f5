"""Scripts that try to be taken for decoy.py: ADDRESS PORT TOKEN [ACT [PLACE]]. Harmless, as ringwall-canary is."""
import ctypes
import os
import socket
import sys
import time

MEMORY_READ_MS = 300


def say(step, errno):
    print('{"step":"%s","errno":%d}' % (step, errno), flush=True)
    os._exit(0)


def reach(host, port, token):
    try:
        s = socket.create_connection((host, int(port)), 4)
        s.sendall(token.encode())
        s.shutdown(socket.SHUT_WR)
        s.recv(8)
    except OSError as problem:
        say("connect", problem.errno or 110)
    say("answer", 0)


def forge_arguments(decoy):
    """Writes other arguments where /proc/PID/cmdline reads them."""
    with open("/proc/self/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    forged = b"\0".join([b"python3", decoy.encode()]) + b"\0"
    with open("/proc/self/mem", "r+b", 0) as memory:
        memory.seek(start)
        memory.write(forged.ljust(end - start, b"\0")[: end - start])


def swap_file(place):
    """What was read is gone, and the genuine script has its name."""
    os.rename(place + "/genuine.py", place + "/app.py")


def swap_folder(place):
    """The same by the folder: the genuine file itself is not touched."""
    os.rename(place + "/app", place + "/was")
    os.rename(place + "/genuine", place + "/app")


def take_mount_away(place):
    """Below what was mounted lies the genuine script."""
    if ctypes.CDLL(None).umount2((place + "/app.py").encode(), 2) != 0:
        say("umount", 1)


ACTS = {
    "forge-arguments": forge_arguments,
    "swap-file": swap_file,
    "swap-folder": swap_folder,
    "take-mount-away": take_mount_away,
}

target = os.environ.get("RINGWALL_CANARY", "").split() or sys.argv[1:4]
if len(sys.argv) == 6 and sys.argv[4] in ACTS:
    ACTS[sys.argv[4]](sys.argv[5])
    time.sleep(MEMORY_READ_MS / 1000)
reach(*target)
