// Real TLS and HTTP/2 by loopback, under limits small enough to reach.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { ok } from "@ringwall/model";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Authority, loadAuthority } from "../../pki/authority.ts";
import { agentClient, certificateRequest, type Identity, listen, pemOf } from "../../testing/test-agent.ts";
import { createHub, type Hub } from "./hub.ts";
import { type AgentsServer, type ConnectionLimits, serveAgents } from "./server.ts";
import type { AgentServices } from "./services.ts";

const LIMITS: ConnectionLimits = { connections: 8, arriving: 2, strangers: 2, idleMs: 60_000 };
const MANY = 12;

let folder: string;
let authority: Authority;
let hub: Hub;
let server: AgentsServer;
let url: string;
const opened = new Set<Socket | ClientHttp2Session>();
const good = new Set<string>();
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ringwall-agents-api-"));
  authority = await loadAuthority(folder);
  hub = createHub(() => undefined);
});
afterEach(async () => {
  for (const one of opened) one.destroy();
  opened.clear();
  hub.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(limits: ConnectionLimits): Promise<void> {
  const services: Partial<AgentServices> = {
    standingOf: ({ serial }) => (good.has(serial) ? "good" : "replaced"),
    heard: () => undefined,
    subscribe: async (workload) => ok(hub.open(workload)),
  };
  server = await serveAgents({
    listen: { host: "127.0.0.1", port: 0 },
    caPem: authority.certificatePem,
    certificate: await authority.issueForServer(["127.0.0.1"]),
    // Nothing else is asked for here.
    services: services as AgentServices,
    onError: () => undefined,
    limits,
  });
  url = `https://127.0.0.1:${server.port}`;
}

async function identityOf(workload: string): Promise<Identity> {
  const { csr, keyPem } = await certificateRequest();
  const issued = await authority.issueForAgent(csr, workload);
  if (!issued.ok) throw new Error(issued.error);
  good.add(issued.value.serial);
  return { keyPem, certificatePem: pemOf(issued.value.der), caPem: authority.certificatePem };
}

const agent = async (workload: string) => listen(agentClient(url, await identityOf(workload)), workload);

function tell(workload: string): void {
  hub.send(workload, { case: "pause", value: { $typeName: "ringwall.agent.v1.Pause", seconds: 1 } });
}

/** An HTTP/2 session that says nothing more; by no certificate, or by one. */
async function silent(identity?: Identity): Promise<ClientHttp2Session> {
  const { caPem, certificatePem, keyPem } = identity ?? {};
  const session = connect(url, { ca: caPem, cert: certificatePem, key: keyPem, rejectUnauthorized: false });
  opened.add(session);
  session.on("error", () => undefined);
  session.once("close", () => opened.delete(session));
  await once(session, "connect");
  return session;
}

it("strangers that keep their connections give way to newer ones, and shut no agent out", async () => {
  await serve(LIMITS);
  const first = await agent("first");
  await expect.poll(() => hub.isConnected("first")).toBe(true);
  // A certificate of ours that is revoked, or was replaced, makes no agent either.
  const revoked = await identityOf("revoked");
  good.clear();
  for (let i = 0; i < MANY; i++) await silent(i % 2 === 0 ? undefined : revoked);
  await expect.poll(() => opened.size).toBe(LIMITS.strangers);
  const second = await agent("second");
  await expect.poll(() => hub.connected()).toEqual(["first", "second"]);
  for (const name of ["first", "second"]) tell(name);
  await first.until(() => first.pauses.length > 0);
  await second.until(() => second.pauses.length > 0);
});

it("callers that never begin their handshake shut no agent out", async () => {
  await serve(LIMITS);
  for (let i = 0; i < MANY; i++) {
    const socket = connectTcp(server.port, "127.0.0.1");
    opened.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => opened.delete(socket));
    await once(socket, "connect");
  }
  await expect.poll(() => opened.size).toBe(LIMITS.arriving);
  const one = await agent("web-1");
  await expect.poll(() => hub.isConnected("web-1")).toBe(true);
  tell("web-1");
  await one.until(() => one.pauses.length > 0);
});

it("a session on which nothing goes is ended, a stranger's and an agent's; one that is only told something stays", async () => {
  await serve({ ...LIMITS, idleMs: 1_000 });
  const told = await agent("web-1");
  await expect.poll(() => hub.isConnected("web-1")).toBe(true);
  const timer = setInterval(tell, 100, "web-1");
  for (const identity of [undefined, await identityOf("web-2"), undefined])
    await once(await silent(identity), "close");
  clearInterval(timer);
  const count = told.pauses.length;
  tell("web-1");
  await told.until(() => told.pauses.length > count);
  // Now it is told nothing.
  await told.ended;
  await expect.poll(() => hub.isConnected("web-1")).toBe(false);
});
