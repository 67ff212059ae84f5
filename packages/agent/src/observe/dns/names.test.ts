/** Rules by name, on real answers of a real DNS server to real programs. */
import type { ProcessIdentity } from "@ringwall/model";
import { processOf } from "@ringwall/model/testing";
import type { HostRule } from "@ringwall/policy/lower";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createEnforcer, type Enforcer } from "../../apply/enforcer.ts";
import { type Running, TestHost, wire } from "../../kernel/testing/host.ts";
import { python } from "../../kernel/testing/programs.ts";
import { whyNoKernelTests } from "../../kernel/testing/requirements.ts";
import { hostPolicyOf } from "../../testing/host-policy.ts";
import type { StoredName } from "./name-book.ts";
import { createNames, type Names } from "./names.ts";
import { dnsServer, resolveAndConnect } from "./testing/servers.ts";

const CLIENT = 11;
const PORT = 8443;
const DIGEST = "c".repeat(64);
const RESOLVER = "10.77.0.2";
const STUB = "127.0.77.53";
const ZONE = {
  "api.example": ["A 10.77.0.10", "AAAA fd77::10"],
  "www.shop.example": ["A 10.77.0.11"],
  "a.b.shop.example": ["A 10.77.0.12"],
  "alias.example": ["CNAME deep.cdn.example"],
  "deep.cdn.example": ["CNAME edge.cdn.example"],
  "edge.cdn.example": ["A 10.77.0.13"],
  "long.example": ["!cut", "A 10.77.0.14"],
  "forged.example": ["!lie", "A 10.77.0.15"],
  "elsewhere.example": ["A 10.77.0.16"],
};
const NAMES = ["api.example", "*.shop.example", "alias.example", "long.example", "forged.example"];

/** Echoes bytes on every address of the wire. */
const ECHO = `
import threading
s = socket.create_server(("::", int(args[0])), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
print("ready", flush=True)
def echo(c):
    try:
        while True:
            b = c.recv(1)
            if not b: return
            c.sendall(b)
    except OSError: pass
while True: threading.Thread(target=echo, args=(s.accept()[0],), daemon=True).start()`;

type Asked = { readonly addresses: readonly string[]; readonly errno: number };

describe.skipIf(whyNoKernelTests("names.test.ts") !== undefined)("rules by name", () => {
  let a: TestHost;
  let b: TestHost;
  let names: Names;
  let enforcer: Enforcer;
  let packets: { close: () => void };
  let laterNs = 0n;
  let stored: readonly StoredName[] = [];

  beforeAll(async () => {
    a = new TestHost("n");
    b = new TestHost("m");
    wire(a, b);
    for (const last of [10, 11, 12, 13, 14, 15, 16, 66])
      b.ip("addr", "add", `10.77.0.${last}/24`, "dev", "wire0");
    b.ip("addr", "add", "fd77::10/64", "dev", "wire0", "nodad");
    await b.start(dnsServer(RESOLVER, ZONE));
    await b.start(dnsServer("10.77.0.66", { "api.example": ["A 10.77.0.66"] }));
    await b.start(python(ECHO, String(PORT)));
  });
  beforeEach(async () => {
    laterNs = 0n;
    stored = [];
    await begin([RESOLVER]);
  });
  afterAll(async () => {
    packets.close();
    await a.close();
    await b.close();
  });

  /** A new agent's side: nothing is known but what was stored. */
  async function begin(resolvers: readonly string[]): Promise<void> {
    packets?.close();
    const { kernel } = a;
    const identities: readonly (readonly [number, ProcessIdentity])[] = [[CLIENT, CLIENT_IDENTITY]];
    names = createNames({
      dns: kernel.dns,
      bootNs: () => kernel.bootNs() + laterNs,
      readResolvers: async () => resolvers,
      store: {
        load: async () => stored,
        save: async (all) => {
          stored = all;
        },
      },
      onChange: () => enforcer.namesChanged(),
      matters: () => enforcer.hasNames(),
    });
    enforcer = createEnforcer(kernel, () => identities, undefined, names.addresses);
    await names.start();
    packets = kernel.dns.onPackets((seen) => void names.take(seen));
    await enforcer.apply(1n, POLICY);
    names.policyChanged();
  }

  const ask = (name: string, more: Parameters<typeof resolveAndConnect>[3] & { resolver?: string } = {}) =>
    a.ask<Asked>(resolveAndConnect(more.resolver ?? RESOLVER, name, PORT, more), CLIENT);

  test.each([
    ["an exact name", "api.example", 1],
    ["the same by IPv6", "api.example", 28],
    ["one label below a star, in capitals", "WWW.shop.EXAMPLE", 1],
    ["an alias of an alias", "alias.example", 1],
    ["an answer that was cut, by TCP", "long.example", 1],
  ])("%s is reached at once after its answer", async (_, name, type) => {
    const { addresses, errno } = await ask(name, { type });
    expect(addresses).toHaveLength(1);
    expect(errno).toBe(0);
  });

  test.each([
    ["another name", "elsewhere.example"],
    ["two labels below a star", "a.b.shop.example"],
    ["what an allowed name is an alias of", "edge.cdn.example"],
  ])("%s is not reached", async (_, name) => {
    const { addresses, errno } = await ask(name);
    expect(addresses).toHaveLength(1);
    expect(errno).not.toBe(0);
  });

  test("an answer of another server, or under another id, allows nothing", async () => {
    expect((await ask("api.example", { resolver: "10.77.0.66" })).errno).not.toBe(0);
    expect((await ask("forged.example", { instead: "10.77.0.66" })).errno).not.toBe(0);
    expect(names.counts().unasked).toBe(1);
    expect((await ask("forged.example")).errno).toBe(0);
  });

  test("a name ends with its time, at least a minute; what is open stays open", async () => {
    const open: Running = await a.start(
      resolveAndConnect(RESOLVER, "api.example", PORT, { hold: true }),
      CLIENT,
      (line) => (JSON.parse(line) as Asked).errno === 0,
    );
    laterNs = 59_000_000_000n;
    await names.expire();
    expect((await ask("elsewhere.example", { instead: "10.77.0.10" })).errno).toBe(0);
    laterNs = 61_000_000_000n;
    await names.expire();
    expect((await ask("elsewhere.example", { instead: "10.77.0.10" })).errno).not.toBe(0);
    open.child.stdin?.write("\n");
    expect(JSON.parse(await open.line())).toEqual({ alive: true });
  });

  test("names outlive the agent that learned them", async () => {
    expect((await ask("api.example")).errno).toBe(0);
    await begin([RESOLVER]);
    expect((await ask("elsewhere.example", { instead: "10.77.0.10" })).errno).toBe(0);
  });

  test("a stub on the loopback address is as good a resolver", async () => {
    const stub = await a.start(dnsServer(STUB, ZONE));
    await begin([STUB]);
    expect((await ask("api.example", { resolver: STUB })).errno).toBe(0);
    // The one behind it is none of this host's.
    expect((await ask("www.shop.example")).errno).not.toBe(0);
    await stub.stop();
  });
});

const CLIENT_IDENTITY = processOf({ exe: "/usr/bin/app", exeSha256: DIGEST });

const RULE: Pick<HostRule, "direction" | "action" | "precedence" | "immediate" | "unproved"> = {
  direction: "outbound",
  action: "allow",
  precedence: "rule",
  immediate: false,
  unproved: [],
};
const EVERYWHERE = { include: ["0.0.0.0/0", "::/0"], exclude: [] };
const POLICY = hostPolicyOf({
  loopback: "record",
  modes: { inbound: null, outbound: "block", processes: null },
  software: { app: [{ executable: { sha256: [DIGEST] } }] },
  processSelectors: [{ software: { names: ["app"], not: false } }],
  addressSets: [{ ...EVERYWHERE, fqdn: NAMES }, EVERYWHERE],
  rules: [
    {
      ...RULE,
      id: 1,
      name: "test/by name",
      process: 0,
      peer: 0,
      ports: [{ proto: "tcp", from: PORT, to: PORT }],
    },
    {
      ...RULE,
      id: 2,
      name: "test/resolvers",
      process: null,
      peer: 1,
      ports: (["udp", "tcp"] as const).map((proto) => ({ proto, from: 53, to: 53 })),
    },
  ],
});
