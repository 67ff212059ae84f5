import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestController, type TestController } from "../testing/test-controller.ts";

let controller: TestController;
beforeAll(async () => {
  controller = await startTestController();
});
afterAll(() => controller.remove());

type Answer = { readonly status: number; readonly headers: Record<string, unknown>; readonly body: string };

/** Node's own client: unlike fetch it lets a test set `Host`, `Origin` and `Cookie`. */
function call(
  method: string,
  route: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${controller.usersUrl}${route}`, { method, headers }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const bearer = () => ({ authorization: `Bearer ${controller.operatorToken}` });
const problem = (answer: Answer) => JSON.parse(answer.body) as { code: string; status: number; fix?: string };

async function signIn(): Promise<string> {
  const { data } = await controller.client.POST("/api/v1/sign-in-links");
  const answer = await call("GET", new URL(data?.url ?? "").pathname + new URL(data?.url ?? "").search);
  return String(answer.headers["set-cookie"]).split(";")[0] ?? "";
}

describe("the users' API", () => {
  it("answers nobody without a session or the token, as an RFC 9457 problem", async () => {
    const anonymous = await call("GET", "/api/v1/status");
    expect(anonymous.status).toBe(401);
    expect(anonymous.headers["content-type"]).toContain("application/problem+json");
    expect(problem(anonymous)).toMatchObject({
      code: "not-signed-in",
      status: 401,
      fix: expect.stringContaining("ringwall sign-in"),
    });
    for (const header of ["Bearer wrong", "Bearer ", "Basic abc"]) {
      expect(problem(await call("GET", "/api/v1/status", { authorization: header })).code).toBe(
        "wrong-token",
      );
    }
  });

  it("trades a one-time link for a session once", async () => {
    const { data } = await controller.client.POST("/api/v1/sign-in-links");
    const route = data?.url.slice(controller.usersUrl.length) ?? "";
    const first = await call("GET", route);
    expect([first.status, first.headers["location"]]).toEqual([303, "/"]);
    expect(String(first.headers["set-cookie"])).toMatch(/HttpOnly; SameSite=Lax$/);
    const cookie = String(first.headers["set-cookie"]).split(";")[0] ?? "";
    expect((await call("GET", "/api/v1/status", { cookie })).status).toBe(200);
    const second = await call("GET", route);
    expect([second.headers["location"], second.headers["set-cookie"]]).toEqual([
      "/?sign-in=failed",
      undefined,
    ]);
  });

  it("takes changes by cookie from its own pages only", async () => {
    const cookie = await signIn();
    const body = JSON.stringify({ labels: {} });
    const headers = { cookie, "content-type": "application/json" };
    for (const origin of [undefined, "https://evil.example", "null", "http://127.0.0.1:1"]) {
      const answer = await call(
        "POST",
        "/api/v1/enrollment-tokens",
        { ...headers, ...(origin === undefined ? {} : { origin }) },
        body,
      );
      expect([answer.status, problem(answer).code]).toEqual([403, "cross-site"]);
    }
    const own = await call(
      "POST",
      "/api/v1/enrollment-tokens",
      { ...headers, origin: controller.usersUrl },
      body,
    );
    expect(own.status).toBe(200);
  });

  it("does not answer to a name that is not its own", async () => {
    const answer = await call("GET", "/api/v1/status", { ...bearer(), host: "evil.example" });
    expect([answer.status, problem(answer).code]).toEqual([403, "unknown-host"]);
  });

  it("names what is wrong with a request", async () => {
    const answer = await call(
      "POST",
      "/api/v1/mode",
      { ...bearer(), "content-type": "application/json" },
      JSON.stringify({ segment: "web", mode: "blok" }),
    );
    expect(answer.status).toBe(400);
    expect(answer.body).toContain("mode");
    const broken = await call(
      "POST",
      "/api/v1/mode",
      { ...bearer(), "content-type": "application/json" },
      "{",
    );
    expect([broken.status, problem(broken).code]).toEqual([400, "bad-request"]);
    const since = await call("GET", "/api/v1/flows?since=yesterday", bearer());
    expect([since.status, since.body]).toEqual([400, expect.stringContaining("since")]);
    const nowhere = await call("GET", "/api/v1/nothing", bearer());
    expect([nowhere.status, problem(nowhere).code]).toEqual([404, "no-such-route"]);
  });

  it("serves its pages under a policy that lets in nothing from elsewhere", async () => {
    const page = await call("GET", "/");
    expect(page.headers["content-security-policy"]).toContain("default-src 'none'");
    expect(page.headers["content-security-policy"]).toContain("script-src 'self'");
    expect(page.headers["content-security-policy"]).not.toMatch(/script-src[^;]*unsafe/);
    expect(page.headers["x-content-type-options"]).toBe("nosniff");
  });

  it("tells event streams what changed", async () => {
    const came = new Promise<string>((resolve, reject) => {
      const sent = request(`${controller.usersUrl}/api/v1/events`, { headers: bearer() }, (response) => {
        response.on("data", (chunk: Buffer) => {
          if (!chunk.toString().includes("event: status")) return;
          sent.destroy();
          resolve(chunk.toString());
        });
        // The stream is open: now something changes.
        void controller.client.PUT("/api/v1/draft", { body: { files: [] } });
      });
      sent.on("error", (error) => reject(error));
      sent.end();
    });
    expect(await came).toContain("data: {}");
  });

  it("gives its schema to anybody", async () => {
    const answer = await call("GET", "/api/v1/openapi.json");
    expect(JSON.parse(answer.body)).toMatchObject({ openapi: "3.1.0" });
  });
});
