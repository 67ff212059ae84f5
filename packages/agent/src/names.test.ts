/** Rules by name through a whole agent: a real resolver's answer, seen by the agent, opens what it names. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostRule } from "@ringwall/policy/lower";
import { State, Verdict } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestHost } from "./kernel/testing/host.ts";
import { serve } from "./kernel/testing/programs.ts";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { dnsServer, resolveAndConnect } from "./observe/dns/testing/servers.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { hostPolicyOf } from "./testing/host-policy.ts";

const PYTHON = realpathSync("/usr/bin/python3");
const PORT = 8443;
const RESOLVER = "10.78.0.53";
const ZONE = {
  "api.example": ["A 10.78.0.10", "AAAA fd78::10"],
  "other.example": ["A 10.78.0.11"],
};
const EVERYWHERE = { include: ["0.0.0.0/0", "::/0"], exclude: [] };

type Asked = { readonly addresses: readonly string[]; readonly errno: number };

describe.skipIf(whyNoKernelTests("names.test.ts") !== undefined)("an agent with a rule by name", () => {
  const netns = `rwfqdn${randomBytes(3).toString("hex")}`;
  let host: AgentHost;
  let servers: TestHost;
  let script: string;

  beforeAll(async () => {
    host = await AgentHost.start();
    servers = new TestHost("f");
    const ip = (...args: string[]) => execFileSync("ip", args);
    ip("netns", "add", netns);
    ip(
      ...["link", "add", "wire0", "netns", netns, "type", "veth"],
      ...["peer", "wire0", "netns", servers.name],
    );
    for (const address of ["10.78.0.1/24", "fd78::1/64"])
      ip(
        ...["-n", netns, "addr", "add", address, "dev", "wire0"],
        ...(address.includes(":") ? ["nodad"] : []),
      );
    for (const address of [`${RESOLVER}/24`, "10.78.0.10/24", "10.78.0.11/24", "fd78::10/64"])
      servers.ip(...["addr", "add", address, "dev", "wire0"], ...(address.includes(":") ? ["nodad"] : []));
    ip("-n", netns, "link", "set", "wire0", "up");
    servers.ip("link", "set", "wire0", "up");
    await servers.start(dnsServer(RESOLVER, ZONE));
    for (const address of ["10.78.0.10", "10.78.0.11", "fd78::10"]) await servers.start(serve(address, PORT));
    script = host.file("client.py", resolveAndConnect(RESOLVER, "", PORT)[3] ?? "");
    const resolvConf = host.file("resolv.conf", `nameserver ${RESOLVER}\n`);
    expect(await host.startAgent({ resolvConf })).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    const rule: Pick<HostRule, "direction" | "action" | "precedence" | "immediate" | "unproved"> = {
      direction: "outbound",
      action: "allow",
      precedence: "rule",
      immediate: false,
      unproved: [],
    };
    const policy = hostPolicyOf({
      modes: { inbound: null, outbound: "block", processes: null },
      software: {
        app: [{ executable: { sha256: [sha256Of(PYTHON)] }, script: { sha256: [sha256Of(script)] } }],
      },
      processSelectors: [{ software: { names: ["app"], not: false } }],
      addressSets: [{ ...EVERYWHERE, fqdn: ["api.example"] }, EVERYWHERE],
      rules: [
        {
          ...{ ...rule, id: 1, name: "test/by name", process: 0, peer: 0 },
          ports: [{ proto: "tcp", from: PORT, to: PORT }],
        },
        {
          ...{ ...rule, id: 2, name: "test/resolvers", process: null, peer: 1 },
          ports: [{ proto: "udp", from: 53, to: 53 }],
        },
      ],
    });
    host.provision(1n, policy);
    await until(() => host.status?.generation === 1n);
  });
  afterAll(async () => {
    await host.close();
    await servers.close();
    execFileSync("ip", ["netns", "delete", netns]);
  });

  async function until(what: () => boolean): Promise<void> {
    for (let i = 0; i < 3000 && !what(); i++) await sleep(20);
    if (!what()) throw new Error(`never came true: ${what}\n${host.log}`);
  }
  async function ask(name: string, more: Parameters<typeof resolveAndConnect>[3] = {}): Promise<Asked> {
    const args = resolveAndConnect(RESOLVER, name, PORT, more).slice(4);
    const enter = ["/usr/bin/nsenter", `--net=/run/netns/${netns}`];
    const { output } = await host.run([...enter, PYTHON, "-I", script, ...args], {}, { input: "\n" });
    return JSON.parse(output) as Asked;
  }

  test("opens what an observed answer names, by both families, and tells the name", async () => {
    // Nobody has asked for the name yet: its address is closed.
    expect((await ask("other.example", { instead: "10.78.0.10" })).errno).not.toBe(0);
    expect(await ask("api.example")).toEqual({ addresses: ["10.78.0.10"], errno: 0 });
    expect(await ask("api.example", { type: 28 })).toEqual({ addresses: ["fd78::10"], errno: 0 });
    const rows = () =>
      host.controller.flows.flatMap((batch) =>
        batch.proto.map((proto, row) => ({
          proto,
          name: batch.names[(batch.peerName[row] ?? 0) - 1],
          rule: batch.rules[(batch.rule[row] ?? 0) - 1],
          state: batch.state[row],
          verdict: batch.verdict[row],
        })),
      );
    const opened = { proto: 6, name: "api.example", rule: "test/by name", state: State.ESTABLISHED };
    await until(() => rows().some(({ rule, name }) => rule === opened.rule && name === opened.name));
    expect(rows()).toContainEqual({ ...opened, verdict: Verdict.ALLOWED });
  });

  test("refuses a name that no rule allows", async () => {
    const { addresses, errno } = await ask("other.example");
    expect(addresses).toEqual(["10.78.0.11"]);
    expect(errno).not.toBe(0);
  });
});
