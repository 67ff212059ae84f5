// The users' API behind a reverse proxy that speaks TLS: a real one, with the client a browser would be.
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { createServer, request, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadAuthority } from "../pki/authority.ts";
import { startTestController, type TestController } from "../testing/test-controller.ts";

const NAME = "ringwall.example.com";
let dir: string;
let ca: string;
let proxy: Server;
let controller: TestController;
/** Whether the proxy hands the browser's Host on, or puts the controller's address in its place. */
let keepHost = true;
let publicUrl: string;

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), "ringwall-proxy-"));
  const authority = await loadAuthority(path.join(dir, "pki"));
  const { certificatePem, keyPem } = await authority.issueForServer([NAME]);
  ca = authority.certificatePem;
  proxy = createServer({ cert: certificatePem, key: keyPem }, (incoming, response) => {
    const { host, ...rest } = incoming.headers;
    const headers = keepHost ? { ...rest, host } : rest;
    const { method } = incoming;
    const forwarded = httpRequest(`${controller.usersUrl}${incoming.url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  publicUrl = `https://${NAME}:${(proxy.address() as AddressInfo).port}`;
  controller = await startTestController({ publicUrl });
});
afterAll(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await controller.remove();
  rmSync(dir, { recursive: true });
});

type Answer = { readonly status: number; readonly headers: Record<string, unknown>; readonly body: string };

function browse(method: string, route: string, headers: Record<string, string> = {}, body?: string) {
  return new Promise<Answer>((resolve, reject) => {
    const lookup = (_name: string, _options: object, done: (error: null, found: object[]) => void) =>
      done(null, [{ address: "127.0.0.1", family: 4 }]);
    const options = { method, headers, ca, servername: NAME, lookup: lookup as never, agent: false };
    const sent = request(`${publicUrl}${route}`, options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        const { statusCode = 0, headers: got } = answer;
        resolve({ status: statusCode, headers: got, body: Buffer.concat(chunks).toString() });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

async function signIn(): Promise<{ readonly cookie: string; readonly set: string }> {
  const { data } = await controller.client.POST("/api/v1/sign-in-links");
  expect(data?.url.startsWith(`${publicUrl}/sign-in?token=`)).toBe(true);
  const answer = await browse("GET", data?.url.slice(publicUrl.length) ?? "");
  const set = String(answer.headers["set-cookie"]);
  return { cookie: set.split(";")[0] ?? "", set };
}

const change = (headers: Record<string, string>) =>
  browse("POST", "/api/v1/enrollment-tokens", { ...headers, "content-type": "application/json" }, "{}");

it.each([true, false])(
  "signs in and takes changes from its public address (host handed on: %s)",
  async (kept) => {
    keepHost = kept;
    const { cookie, set } = await signIn();
    expect(set).toMatch(/; HttpOnly; Secure; SameSite=Lax$/);
    expect((await browse("GET", "/api/v1/status", { cookie })).status).toBe(200);
    expect((await change({ cookie, origin: publicUrl })).status).toBe(200);
    const foreign = [
      `http://${NAME}`,
      publicUrl.replace("https:", "http:"),
      `https://${NAME}`,
      "https://evil.example",
    ];
    for (const origin of foreign)
      expect([origin, (await change({ cookie, origin })).status]).toEqual([origin, 403]);
    expect((await change({ cookie })).status).toBe(403);
  },
);

it("names its public address as the console's, and answers to no other name", async () => {
  keepHost = true;
  const { data } = await controller.client.GET("/api/v1/status");
  expect(data?.consoleUrl).toBe(publicUrl);
  const { cookie } = await signIn();
  const answer = await browse("GET", "/api/v1/status", { cookie, host: "evil.example" });
  expect([answer.status, answer.body]).toEqual([403, expect.stringContaining("unknown-host")]);
});

it("still serves the command line on the address that is listened on", async () => {
  expect(controller.usersUrl).toMatch(/^http:\/\/127\.0\.0\.1:/);
  expect((await controller.client.GET("/api/v1/status")).response.status).toBe(200);
});
