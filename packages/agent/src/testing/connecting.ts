import { realpathSync } from "node:fs";

export const PYTHON = realpathSync("/usr/bin/python3");
/** Connects to the port of its first argument on loopback; prints `connected`, or `refused` and the error's number. */
export const CONNECT = `
import os, socket, sys, time
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=8).close()
    print("connected")
except OSError as problem:
    print("refused", problem.errno)
`;
