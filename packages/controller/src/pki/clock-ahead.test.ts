// What was signed while this machine's clock was ahead, used once it has been put right: real TLS, by the real clock.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ok } from "@ringwall/model";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createHub, type Hub } from "../api/agents/hub.ts";
import { type AgentsServer, type ServerCertificate, serveAgents } from "../api/agents/server.ts";
import type { AgentServices } from "../api/agents/services.ts";
import { agentClient, certificateRequest, type Identity, listen, pemOf } from "../testing/test-agent.ts";
import { type Authority, loadAuthority } from "./authority.ts";
import { startRotation } from "./rotation.ts";

const HOUR_MS = 3_600_000;

let folder: string;
let hub: Hub;
let server: AgentsServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ringwall-clock-"));
  hub = createHub(() => undefined);
});
afterEach(async () => {
  hub.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function atClock<T>(aheadMs: number, make: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + aheadMs });
  try {
    return await make();
  } finally {
    vi.useRealTimers();
  }
}

async function identityBy(authority: Authority): Promise<Identity> {
  const { csr, keyPem } = await certificateRequest();
  const issued = await authority.issueForAgent(csr, "web-1");
  if (!issued.ok) throw new Error(issued.error);
  return { keyPem, certificatePem: pemOf(issued.value.der), caPem: authority.certificatePem };
}

async function serve(authority: Authority, certificate: ServerCertificate): Promise<AgentsServer> {
  const services: Partial<AgentServices> = {
    standingOf: () => "good",
    heard: () => undefined,
    subscribe: async (workload) => ok(hub.open(workload)),
  };
  server = await serveAgents({
    listen: { host: "127.0.0.1", port: 0 },
    caPem: authority.certificatePem,
    certificate,
    // Nothing else is asked for here.
    services: services as AgentServices,
    onError: () => undefined,
  });
  return server;
}

async function isLetIn({ port }: AgentsServer, identity: Identity): Promise<boolean> {
  const agent = listen(agentClient(`https://127.0.0.1:${port}`, identity), "web-1");
  const letIn = vi.waitFor(() => expect(hub.isConnected("web-1")).toBe(true), { timeout: 20_000 });
  await Promise.race([agent.ended, letIn]);
  const isConnected = hub.isConnected("web-1");
  agent.stop();
  return isConnected;
}

it("certificates that were made while the clock was a day ahead hold once it is right", async () => {
  const { authority, certificate, identity } = await atClock(23 * HOUR_MS, async () => {
    const authority = await loadAuthority(folder);
    return {
      authority,
      certificate: await authority.issueForServer(["127.0.0.1"]),
      identity: await identityBy(authority),
    };
  });
  expect(await isLetIn(await serve(authority, certificate), identity)).toBe(true);
});

it.each([
  ["ahead", 90 * 24 * HOUR_MS],
  ["behind", -90 * 24 * HOUR_MS],
])(
  "a server certificate made while the clock was %s by months is made anew once it is right",
  async (_, by) => {
    const authority = await loadAuthority(folder);
    const rotation = await atClock(by, async () => {
      const rotation = await startRotation(
        () => authority.issueForServer(["127.0.0.1"]),
        () => Date.now(),
      );
      expect(await rotation.next()).toBeUndefined();
      return rotation;
    });
    const identity = await identityBy(authority);
    const server = await serve(authority, rotation.first);
    expect(await isLetIn(server, identity)).toBe(false);
    const next = await rotation.next();
    if (next === undefined) throw new Error("no other certificate");
    server.replaceCertificate(next);
    expect(await isLetIn(server, identity)).toBe(true);
    expect(await rotation.next()).toBeUndefined();
  },
);

it("an authority made while the clock was ahead by years is good once it is right", async () => {
  const authority = await atClock(2 * 365 * 24 * HOUR_MS, () => loadAuthority(folder));
  const server = await serve(authority, await authority.issueForServer(["127.0.0.1"]));
  expect(await isLetIn(server, await identityBy(authority))).toBe(true);
});
