/** What the owner of the bridge between hosts does to packets, as the proof act has it done; no agents here. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { saysReady, startReady } from "../apps/start.ts";
import { whyNot } from "../requirements.ts";
import { CUT } from "../story/proving/datagrams.ts";
import { ANSWERER, connect, installProvers, ports, startServer } from "../story/proving/programs.ts";
import { OUTSIDE, VIRTUAL } from "../story/proving/translating.ts";
import { hosts } from "../topology.ts";
import { type Lab, openLab } from "./lab.ts";

const missing = whyNot();
if (missing !== null) console.warn(`skipped: the way between hosts of the lab: ${missing}`);

const PYTHON = ["/usr/bin/python3", "-I", "-c"];
const PORT = 7100;
const SURPLUS_BYTES = 26;

/** Prints who connects. */
const WHO = `
import socket
s = socket.create_server(("", ${PORT}))
print("ready", flush=True)
while True: print("from", s.accept()[1][0], flush=True)`;

/** Prints how long the packets are in which datagrams come. */
const HOW_LONG = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
print("ready", flush=True)
while True: print("bytes", len(s.recv(2048)), flush=True)`;

/** A datagram with 8 bytes of data, and as much behind it as a proof is. */
const SEND = `
import socket, struct
data, surplus = b"question", bytes(${SURPLUS_BYTES})
udp = struct.pack("!HHHH", 9999, ${ports.datagramsRequired}, 8 + len(data), 0) + data
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 17, 0,
    socket.inet_aton("${hosts.app.ipv4}"), socket.inet_aton("${hosts.db.ipv4}"))
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
s.sendto(ip + udp + surplus, ("${hosts.db.ipv4}", 0))`;

describe.skipIf(missing !== null)("the way between hosts of the lab", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = (await openLab(["app", "db", "web", "backup"])).lab;
    installProvers(lab);
    await startServer(lab, "db", ANSWERER, [ports.required], [ports.datagramsRequired]);
  });
  afterAll(() => lab.close());
  afterEach(() => lab.way.clear());

  const heard = (program: string) =>
    startReady(lab.host("db"), { unit: "probe.service", argv: [...PYTHON, program] }, saysReady);

  it("takes connections and datagrams to who is asked for", async () => {
    for (const [port, datagrams] of [
      [ports.required, false],
      [ports.datagramsRequired, true],
    ] as const)
      expect(await connect(lab, "app", "db4", port, { datagrams })).toMatchObject({ reached: true });
  });

  it("translates both ends' addresses", async () => {
    const translation = { source: hosts.app.ipv4, destination: hosts.db.ipv4 };
    await lab.way.translate({ ...translation, outside: OUTSIDE, virtual: VIRTUAL });
    const server = await heard(WHO);
    expect((await connect(lab, "app", VIRTUAL, ports.required)).reached).toBe(true);
    await connect(lab, "app", VIRTUAL, PORT, { seconds: 1 });
    await expect.poll(() => server.lines, { timeout: 10_000 }).toContain(`from ${OUTSIDE}`);
    await lab.way.clear();
    expect((await connect(lab, "app", VIRTUAL, ports.required, { seconds: 1 })).reached).toBe(false);
  });

  it("cuts off what lies behind a datagram's data, and the datagram still arrives", async () => {
    const server = await heard(HOW_LONG);
    const send = () => lab.host("app").must([...PYTHON, SEND]);
    await send();
    await expect.poll(() => server.lines, { timeout: 10_000 }).toContain("bytes 62");
    await lab.way.set(CUT);
    await send();
    await expect.poll(() => server.lines, { timeout: 10_000 }).toContain("bytes 36");
    const asked = await connect(lab, "app", "db4", ports.datagramsRequired, { datagrams: true });
    expect(asked.reached).toBe(true);
  });
});
