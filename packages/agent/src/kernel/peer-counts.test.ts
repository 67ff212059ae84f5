import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeProofPeer, encodeProofPeer } from "./generated/layout.ts";
import { KernelMap } from "./kernel-map.ts";
import { TestHost } from "./testing/host.ts";
import { address, allow, subjects } from "./testing/policies.ts";
import { connect, serve } from "./testing/programs.ts";
import { newPair, stateOf, turnOn } from "./testing/proofs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const PROGRAM = 11;
const PORT = 8000;
const OWN = address("127.0.0.1");
const OTHERS = ["10.77.0.2", "10.77.0.3", "10.77.0.4"].map(address);
const [FIRST = OWN, SECOND = OWN, LATER = OWN] = OTHERS;
const NONE = { sent: 0n, proved: 0n, missing: 0n, wrong: 0n };
/** A connection of the host to itself: two proofs made, two checked. */
const ONE = { ...NONE, sent: 2n, proved: 2n };
const TWO = { ...NONE, sent: 4n, proved: 4n };

describe.skipIf(whyNoKernelTests("peer-counts.test.ts"))("counts of a peer's proofs", () => {
  let host: TestHost;
  beforeAll(async () => {
    host = new TestHost("h");
    host.kernel.proof.setNumber(PROGRAM, 1000);
    await host.provision({
      policies: (["in", "out"] as const).map((direction) => allow({ direction, subject: PROGRAM })),
      subjects: subjects(PROGRAM),
    });
    turnOn(host);
    await host.start(serve("127.0.0.1", PORT), PROGRAM);
  });
  afterAll(() => host.close());

  let keys = newPair();
  const know = (peer: Uint8Array) => host.kernel.proof.setPeer(peer, stateOf(keys.toA, keys.toA, "expected"));
  const meet = async () =>
    expect(await host.ask(connect("127.0.0.1", PORT), PROGRAM)).toMatchObject({ errno: 0 });
  const countsOf = (peer: Uint8Array) => {
    const found = host.kernel.proof.counts().find((one) => String(one.address) === String(peer));
    return found === undefined ? undefined : { ...NONE, ...found, address: undefined };
  };
  const expectCounts = (...wanted: readonly (readonly [Uint8Array, typeof NONE | undefined])[]) => {
    for (const [peer, counts] of wanted)
      expect(countsOf(peer)).toEqual(counts === undefined ? undefined : { ...counts, address: undefined });
  };

  test("are each peer's own, and are the same array until something is counted", async () => {
    for (const peer of [FIRST, OWN, SECOND]) know(peer);
    await meet();
    expectCounts([FIRST, NONE], [OWN, ONE], [SECOND, NONE]);
    expect(host.kernel.proof.counts()).toBe(host.kernel.proof.counts());
  });

  test("go on with other keys, and under the next agent", async () => {
    keys = newPair();
    know(OWN);
    host.reopen();
    for (const peer of [SECOND, OWN, FIRST]) know(peer);
    expectCounts([FIRST, NONE], [OWN, ONE], [SECOND, NONE]);
    await meet();
    expectCounts([FIRST, NONE], [OWN, TWO], [SECOND, NONE]);
  });

  test("end with the peer, and begin at 0 for whoever gets its place, also of the next agent", async () => {
    host.kernel.proof.deletePeer(OWN);
    expectCounts([OWN, undefined], [FIRST, NONE], [SECOND, NONE]);
    host.reopen();
    for (const peer of [LATER, OWN]) know(peer);
    expectCounts([LATER, NONE], [OWN, NONE]);
    await meet();
    expectCounts([LATER, NONE], [OWN, ONE], [FIRST, NONE], [SECOND, NONE]);
  });

  test("are nobody's of an entry without a place, until the agent writes it", async () => {
    const peers = KernelMap.openPinned(host.pin, "proof_peers");
    for (const peer of [OWN, LATER]) {
      const key = new DataView(peer.buffer, peer.byteOffset, peer.byteLength);
      const entry = peers.get(key);
      if (entry === undefined) throw new Error("the peer is gone");
      encodeProofPeer(entry, { ...decodeProofPeer(entry), place: 0 });
      peers.set(key, entry);
    }
    peers.close();
    host.reopen();
    await meet();
    expectCounts([OWN, undefined], [LATER, undefined], [FIRST, NONE], [SECOND, NONE]);
    for (const peer of [OWN, LATER]) know(peer);
    await meet();
    expectCounts([OWN, ONE], [LATER, NONE], [FIRST, NONE], [SECOND, NONE]);
  });
});
