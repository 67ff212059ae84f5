import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Readable, Writable } from "node:stream";

/** FUSE: says what it is, and what its root is only after a line on its standard input. */
const SERVER = `
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
UNSHARE_MOUNTS, PRIVATE = 0x20000, 1 << 18 | 1 << 14
INIT, GETATTR = 26, 3
device = os.open("/dev/fuse", os.O_RDWR)
options = "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions" % device
if libc.unshare(UNSHARE_MOUNTS) or libc.mount(b"none", b"/", None, PRIVATE, None): sys.exit("no namespace")
if libc.mount(b"hung", sys.argv[1].encode(), b"fuse", 0, options.encode()): sys.exit("no mount")
while True:
    asked = os.read(device, 1 << 17)
    length, what, number = struct.unpack_from("<IIQ", asked)
    if what == INIT:
        answer = struct.pack("<IIIIHHI", 7, 19, 0, 0, 0, 0, 4096)
        print("mounted", flush=True)
    elif what == GETATTR:
        sys.stdin.readline()
        answer = struct.pack("<QII6Q10I", 60, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0o40755, 2, 0, 0, 0, 4096, 0)
    else: continue
    os.write(device, struct.pack("<IiQ", 16 + len(answer), 0, number) + answer)
`;

/** A file system that hangs, where only its server has it mounted: nobody else here must wait for it. */
export class HungMount {
  /** From here, and from within the server's mount namespace. */
  readonly path: string;
  readonly folder: string;
  readonly #server: ChildProcessByStdio<Writable, Readable, null>;

  private constructor() {
    this.folder = mkdtempSync(`${tmpdir()}/ringwall-hung-`);
    this.#server = spawn("/usr/bin/python3", ["-c", SERVER, this.folder], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.path = `/proc/${this.pid}/root${this.folder}`;
  }

  get pid(): number {
    return this.#server.pid ?? 0;
  }

  static async start(): Promise<HungMount> {
    const mount = new HungMount();
    await once(mount.#server.stdout, "data");
    return mount;
  }

  answer(): void {
    this.#server.stdin.end();
  }

  async close(): Promise<void> {
    this.#server.kill("SIGKILL");
    await once(this.#server, "close");
    rmdirSync(this.folder);
  }
}
