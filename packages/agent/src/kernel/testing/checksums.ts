import { execFileSync } from "node:child_process";
import type { TestHost } from "./host.ts";

/** ETHTOOL_STXCSUM by SIOCETHTOOL: what `ethtool -K DEVICE tx on|off` does. */
const SET = `
import array, fcntl, socket, struct, sys
value = array.array("I", [0x17, int(sys.argv[2])])
request = struct.pack("16sP8x", sys.argv[1].encode(), value.buffer_info()[0])
fcntl.ioctl(socket.socket(), 0x8946, request)`;

/** Says whether a device computes the checksums of what leaves by it, or the kernel does. */
export function offloadChecksums(netns: string, device: string, on: boolean): void {
  const program = ["/usr/bin/python3", "-I", "-c", SET, device, on ? "1" : "0"];
  execFileSync("nsenter", [`--net=/run/netns/${netns}`, ...program]);
}

/** The same at both ends of the wire. */
export function offloadOnWire(hosts: readonly TestHost[], on: boolean): void {
  for (const host of hosts) offloadChecksums(host.name, "wire0", on);
}
