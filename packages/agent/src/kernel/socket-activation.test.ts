/**
 * Sockets that one program binds and another one serves, as a service manager hands them over. Whoever bound a listener
 * answers for it at both ends; whoever connects or sends first answers for that.
 */
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { remote } from "./generated/layout.ts";
import { type Running, TestHost, wire } from "./testing/host.ts";
import { address, allow, peer, subjects, UDP } from "./testing/policies.ts";
import { connect, python, sendDatagram } from "./testing/programs.ts";
import { newPair, onlyProved, setKeys, turnOff, turnOn } from "./testing/proofs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const MANAGER = 21;
const SERVICE = 22;
const TCP_PORT = 8000;
const UDP_PORT = 5000;

/** Says who it is, serves what it was handed at 3 and 4, and sends a datagram to that port of 10.77.0.1 which it is told. */
const SERVE = `
import os, select, socket, sys
tcp, udp = socket.socket(fileno=3), socket.socket(fileno=4)
print("ready", flush=True)
while True:
    for one in select.select([tcp, udp, 0], [], [])[0]:
        if one == 0:
            port = os.read(0, 100)
            if not port: sys.exit()
            try: udp.sendto(b"unasked", ("10.77.0.1", int(port))); print("sent", flush=True)
            except OSError as problem: print("refused", problem.errno, flush=True)
        elif one is tcp:
            c = tcp.accept()[0]; c.sendall(b"service"); c.close()
        else:
            data, peer = udp.recvfrom(2048)
            udp.sendto(data, peer)`;

/** Binds both sockets, then runs the service on them: in a child, or in its own place. */
function activate(how: "child" | "place"): string[] {
  return python(
    `
import os
tcp = socket.socket(); tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
tcp.bind(("10.77.0.2", ${TCP_PORT})); tcp.listen(8)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("10.77.0.2", ${UDP_PORT}))
kept = [os.dup(s.fileno()) for s in (tcp, udp)]
kept = [os.dup2(fd, 3 + i) for i, fd in enumerate([os.dup2(fd, 20 + i) for i, fd in enumerate(kept)])]
def run(): os.execve("/usr/bin/python3", ["python3", "-I", "-c", args[1]], {"RW_IDENTITY": "${SERVICE}"})
if args[0] == "place": run()
if os.fork() == 0: run()
os.wait()`,
    how,
    SERVE,
  );
}

type Said = { readonly errno: number };

describe.skipIf(whyNoKernelTests("socket-activation.test.ts"))("a service on a manager's sockets", () => {
  let a: TestHost;
  let b: TestHost;
  let running: Running;
  const known = subjects(MANAGER, SERVICE);
  const peers = [peer("10.77.0.1", 4)];
  const serving = (subject: number) => [
    allow({ direction: "in", subject, peer: 4, port: TCP_PORT, portBits: 16 }),
    allow({ direction: "in", subject, peer: 4, port: UDP_PORT, portBits: 16, proto: UDP }),
  ];
  const reach = async () => [
    (await a.ask<Said>(connect("10.77.0.2", TCP_PORT, { read: 7 }), CLIENT)).errno,
    (await a.ask<Said>(sendDatagram("10.77.0.2", UDP_PORT, { answer: true }), CLIENT)).errno,
  ];

  beforeAll(() => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    for (const identity of [CLIENT, MANAGER, SERVICE])
      for (const host of [a, b]) host.kernel.proof.setNumber(identity, 1000 + identity);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  describe.each(["child", "place"] as const)("that runs in the manager's %s", (how) => {
    beforeAll(async () => {
      await a.provision({});
      await b.provision({});
      running = await b.start(activate(how), MANAGER);
    });
    afterAll(async () => {
      const gone = once(running.child, "exit");
      running.child.stdin?.end();
      await gone;
      await running.stop();
    });
    beforeEach(async () => {
      await a.provision({});
      await b.flows();
    });

    test("is reached where the manager may be, and recorded as the manager", async () => {
      await b.provision({ modeIn: "block", policies: serving(MANAGER), peers, subjects: known });
      expect(await reach()).toEqual([0, 0]);
      const inward = (await b.flows()).filter(({ direction }) => direction === "in");
      expect(new Set(inward.map(({ identity, verdict }) => `${identity} ${verdict}`))).toEqual(
        new Set([`${MANAGER} allowed`]),
      );
    });

    test("is not reached by a rule for the service alone", async () => {
      await b.provision({ modeIn: "block", policies: serving(SERVICE), peers, subjects: known });
      for (const errno of await reach()) expect(errno).not.toBe(0);
      const refused = (await b.flows()).filter(({ verdict }) => verdict === "blocked");
      expect(new Set(refused.map(({ identity }) => identity))).toEqual(new Set([MANAGER]));
    });

    test.each([
      ["its own rule", SERVICE, "sent", 6001],
      ["the manager's rule alone", MANAGER, "refused", 6002],
    ])("is judged as itself for what it sends unasked: by %s", async (_, subject, said, port) => {
      const policies = [allow({ subject, proto: UDP, port, portBits: 16 })];
      await b.provision({ modeOut: "block", policies, subjects: known });
      running.child.stdin?.write(`${port}\n`);
      expect((await running.line()).split(" ")[0]).toBe(said);
      const [flow] = (await b.flows()).filter(({ direction }) => direction === "out");
      expect(flow).toMatchObject({ identity: SERVICE, verdict: said === "sent" ? "allowed" : "blocked" });
      expect(flow?.address).toEqual(address("10.77.0.1"));
    });

    test.each([
      ["the manager", MANAGER, true],
      ["the service", SERVICE, false],
    ])("proves the manager's software to a client that expects %s", async (_, expected, reached) => {
      await b.provision({});
      for (const host of [a, b]) turnOn(host);
      setKeys(a, b, newPair());
      await a.provision({
        modeOut: "block",
        policies: onlyProved("out", CLIENT),
        subjects: subjects(CLIENT),
        remotes: [{ number: 1000 + expected, remote: remote.first }],
      });
      const { errno } = await a.ask<Said>(connect("10.77.0.2", TCP_PORT, { read: 7 }), CLIENT);
      for (const host of [a, b]) turnOff(host);
      expect(errno === 0).toBe(reached);
    });
  });
});
