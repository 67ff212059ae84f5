/** What IPsec wraps: it is judged by who talks to whom within, at both ends. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestHost, wire } from "./testing/host.ts";
import { allow, peer, subjects, TCP, UDP } from "./testing/policies.ts";
import { connect, echoDatagrams, sendDatagram, serve } from "./testing/programs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;
const PORT = 8000;
const KEY = `0x${"5a".repeat(20)}`;
const ENDS = { a: "10.77.0.1", b: "10.77.0.2" };

type Said = { readonly errno: number };

describe.skipIf(whyNoKernelTests("ipsec.test.ts"))("between two hosts with IPsec", () => {
  let a: TestHost;
  let b: TestHost;
  let why = "";
  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    for (const host of [a, b])
      for (const [src, dst, spi] of [
        [ENDS.a, ENDS.b, "0x101"],
        [ENDS.b, ENDS.a, "0x102"],
      ] as const) {
        const outward = (host === a) === (src === ENDS.a);
        const state = `state add src ${src} dst ${dst} proto esp spi ${spi} mode transport aead rfc4106(gcm(aes)) ${KEY} 128`;
        const policy = `policy add src ${src} dst ${dst} dir ${outward ? "out" : "in"} tmpl proto esp mode transport`;
        for (const words of [state, policy]) {
          const { status, stderr } = spawnSync("ip", ["-n", host.name, "xfrm", ...words.split(" ")]);
          if (status !== 0) why = `no IPsec in this kernel: ${stderr}`;
        }
      }
    if (why !== "") return;
    await b.start(serve(ENDS.b, PORT), SERVER);
    await b.start(echoDatagrams(ENDS.b, PORT), SERVER);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  const reach = async () => [
    (await a.ask<Said>(connect(ENDS.b, PORT, { timeoutS: 2 }), CLIENT)).errno === 0,
    (await a.ask<Said>(sendDatagram(ENDS.b, PORT, { answer: true }), CLIENT)).errno === 0,
    (await a.ask<Said>(sendDatagram(ENDS.b, PORT, { answer: true, connected: true }), CLIENT)).errno === 0,
  ];
  const wrapped = () => {
    const shown = spawnSync("ip", ["-n", a.name, "-s", "xfrm", "state"], { encoding: "utf8" }).stdout;
    return [...shown.matchAll(/(\d+)\(packets\)/g)].reduce((sum, [, packets]) => sum + Number(packets), 0);
  };

  test("what is allowed gets through in block, and nothing else", async ({ skip }) => {
    skip(why !== "", why);
    const known = subjects(CLIENT, SERVER);
    const to = { peers: [peer(ENDS.b, 5)], subjects: known };
    const from = { peers: [peer(ENDS.a, 4)], subjects: known };
    const out = [TCP, UDP].map((proto) => allow({ subject: CLIENT, peer: 5, proto }));
    const inward = [TCP, UDP].map((proto) => allow({ direction: "in", subject: SERVER, peer: 4, proto }));
    await a.provision({ modeOut: "block", modeIn: "block", policies: out, ...to });
    await b.provision({ modeOut: "block", modeIn: "block", policies: inward, ...from });
    expect(await reach()).toEqual([true, true, true]);
    expect(wrapped()).toBeGreaterThan(0);
    await b.provision({ modeOut: "block", modeIn: "block", ...from });
    expect(await reach()).toEqual([false, false, false]);
    await b.provision({ modeOut: "block", modeIn: "block", policies: inward, ...from });
    await a.provision({ modeOut: "block", modeIn: "block", ...to });
    expect(await reach()).toEqual([false, false, false]);
  });
});
