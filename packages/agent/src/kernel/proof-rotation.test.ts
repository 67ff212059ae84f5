/** Keys of both ends are turned while connections are made: none may be lost. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type KeyRing, newKeyRing, turnKeyRing } from "../proof/key-ring.ts";
import { publicKeyOf } from "../proof/keys.ts";
import { type ProofPeer, peerState } from "../proof/pair-keys.ts";
import { remote } from "./generated/layout.ts";
import { TestHost, wire } from "./testing/host.ts";
import { subjects } from "./testing/policies.ts";
import { python, serve } from "./testing/programs.ts";
import { countsOf, HOST_A, HOST_B, onlyProved, turnOn } from "./testing/proofs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;
const PORT = 8000;
/** More by hand: `RW_CONNECTIONS=10000`. */
const CONNECTIONS = Number(process.env["RW_CONNECTIONS"] ?? 1000);
const PART = 500;
const PERIOD_MS = 1000;

/** Makes `count` connections one after the other, with 2 s for each; prints how many failed and the slowest's milliseconds. */
const CONNECT_MANY = `
import time
failed, slowest = 0, 0
for _ in range(int(args[2])):
    s = socket.socket(); s.settimeout(2)
    start = time.monotonic()
    try: s.connect((args[0], int(args[1])))
    except OSError: failed += 1
    slowest = max(slowest, time.monotonic() - start)
    s.close()
print(json.dumps({"failed": failed, "slowestMs": slowest * 1000}))`;

describe.skipIf(whyNoKernelTests("proof-rotation.test.ts"))("turning the keys", () => {
  let a: TestHost;
  let b: TestHost;

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    for (const host of [a, b]) {
      for (const identity of [CLIENT, SERVER]) host.kernel.proof.setNumber(identity, 1000 + identity);
      turnOn(host);
    }
    await b.start(serve("10.77.0.2", PORT, { read: 1 }), SERVER);
    const remotes = [CLIENT, SERVER].map((one) => ({ number: 1000 + one, remote: remote.first }));
    await a.provision({
      modeOut: "block",
      policies: onlyProved("out", CLIENT),
      subjects: subjects(CLIENT),
      remotes,
    });
    await b.provision({
      modeIn: "block",
      policies: onlyProved("in", SERVER),
      subjects: subjects(SERVER),
      remotes,
    });
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  test(`every second loses none of ${CONNECTIONS} connections`, async () => {
    const rings = { a: newKeyRing(Date.now()), b: newKeyRing(Date.now() - PERIOD_MS / 3) };
    const peerOf = (workload: "a" | "b"): ProofPeer => ({
      workload,
      addresses: workload === "a" ? HOST_A : HOST_B,
      keys: rings[workload].keys.map((key) => ({ generation: key.generation, publicKey: publicKeyOf(key) })),
      path: "expected",
      mutePorts: [],
      datagramPath: null,
    });
    const write = (host: TestHost, own: "a" | "b", peer: "a" | "b") => {
      const state = peerState(own, rings[own], peerOf(peer));
      for (const address of peerOf(peer).addresses) host.kernel.proof.setPeer(address, state);
    };
    let turned = 0;
    const turn = () => {
      for (const own of ["a", "b"] as const) {
        const next: KeyRing = turnKeyRing(rings[own], Date.now(), PERIOD_MS);
        if (next === rings[own]) continue;
        if (next.keys !== rings[own].keys) turned++;
        rings[own] = next;
        // The owner first, then whoever is told: as the agent does.
        const [host, peer, other] = own === "a" ? ([a, "b", b] as const) : ([b, "a", a] as const);
        write(host, own, peer);
        write(other, peer, own);
      }
    };
    write(a, "a", "b");
    write(b, "b", "a");
    const timer = setInterval(turn, 50);
    const made: { failed: number; slowestMs: number }[] = [];
    try {
      // In parts, each within the time that a program of a test may take.
      for (let left = CONNECTIONS; left > 0; left -= PART) {
        const count = String(Math.min(left, PART));
        made.push(await a.ask(python(CONNECT_MANY, "10.77.0.2", String(PORT), count), CLIENT));
      }
    } finally {
      clearInterval(timer);
    }
    const failed = made.reduce((sum, one) => sum + one.failed, 0);
    const slowestMs = Math.max(...made.map((one) => one.slowestMs));
    expect(failed).toBe(0);
    expect(countsOf(b)).toMatchObject({ wrong: 0, missing: 0 });
    expect(countsOf(a).proved).toBeGreaterThanOrEqual(CONNECTIONS);
    console.log(
      `${CONNECTIONS} connections, keys turned ${turned} times, slowest ${Math.round(slowestMs)} ms`,
    );
  });
});
