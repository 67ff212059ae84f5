"""The one script that a drill's rules allow: ADDRESS PORT TOKEN. It connects and leaves the token."""
import socket
import sys


def reach(host, port, token):
    try:
        with socket.create_connection((host, int(port)), 8) as s:
            s.sendall(token.encode())
            s.shutdown(socket.SHUT_WR)
            s.recv(8)
        return "answer", 0
    except OSError as problem:
        return "connect", problem.errno or 110


if __name__ == "__main__":
    step, errno = reach(*sys.argv[1:4])
    print('{"step":"%s","errno":%d}' % (step, errno), flush=True)
