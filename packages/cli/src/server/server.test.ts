import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { z } from "zod";
import { Failure } from "../failure.ts";
import { type Api, openApi } from "./api.ts";
import { locate } from "./locate.ts";

const reply = z.object({ value: z.int() });
let dir: string;
let answer: { status: number; body: string };
let asked: { method: string | undefined; url: string | undefined; authorization: string | undefined }[];
const server = createServer((request, response) => {
  asked.push({ method: request.method, url: request.url, authorization: request.headers.authorization });
  response.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body);
});

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "ringwall-cli-"));
  writeFileSync(join(dir, "operator.token"), "secret\n", { mode: 0o600 });
  asked = [];
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
});
afterEach(async () => {
  rmSync(dir, { recursive: true });
  await new Promise((done) => server.close(done));
});

function api(port = (server.address() as AddressInfo).port): Api {
  return openApi({ server: `http://127.0.0.1:${port}`, tokenFile: join(dir, "operator.token") });
}

async function failureOf(action: Promise<unknown>): Promise<Failure> {
  const error = await action.catch((thrown: unknown) => thrown);
  if (error instanceof Failure) return error;
  throw new Error("it did not fail");
}

it("sends the operator's token and the query, and gives the checked reply", async () => {
  answer = { status: 200, body: '{"value":7}' };
  expect(await api().get("/api/v1/x", reply, { since: "15m", workload: undefined })).toEqual({ value: 7 });
  expect(asked).toEqual([{ method: "GET", url: "/api/v1/x?since=15m", authorization: "Bearer secret" }]);
});

it("a controller that is not there is named with where the address came from and what to do", async () => {
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  const failure = await failureOf(api(port).get("/api/v1/x", reply));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  expect(failure.exitCode).toBe(2);
  expect(failure.problems[0]).toMatchObject({
    code: "controller-unreachable",
    message: `no controller answers at \`http://127.0.0.1:${port}\` (from --server): nothing listens there`,
    fix: expect.stringContaining("ringwall up"),
  });
});

it("something else that answers is not taken for a controller", async () => {
  answer = { status: 200, body: "<html>" };
  expect((await failureOf(api().get("/api/v1/x", reply))).problems[0]?.code).toBe("not-a-controller");
  answer = { status: 200, body: '{"other":1}' };
  expect((await failureOf(api().get("/api/v1/x", reply))).problems[0]?.code).toBe("unexpected-reply");
});

it("all problems of a refused input come through with their places, and the exit code is 2", async () => {
  const place = { file: "p.yaml", line: 3, column: 5 };
  const problems = [
    { code: "unknown-key", severity: "error", message: "no key `modus`", fix: "write `mode`", place },
  ];
  const body = { type: "x", title: "the input has problems", status: 422, code: "draft-refused", problems };
  answer = { status: 422, body: JSON.stringify(body) };
  const failure = await failureOf(api().send("PUT", "/api/v1/draft", {}, reply));
  expect(failure.exitCode).toBe(2);
  expect(failure.problems).toEqual([
    ...problems,
    { code: "draft-refused", severity: "error", message: "the input has problems" },
  ]);
});

it("a conflict with the controller's state is the answer no", async () => {
  const body = {
    type: "x",
    title: "conflict",
    status: 409,
    code: "pending",
    detail: "revision 4 waits",
    fix: "confirm it",
  };
  answer = { status: 409, body: JSON.stringify(body) };
  const failure = await failureOf(api().send("POST", "/api/v1/provision", {}, reply));
  expect(failure.exitCode).toBe(1);
  expect(failure.problems).toEqual([
    { code: "pending", severity: "error", message: "revision 4 waits", fix: "confirm it" },
  ]);
});

it("a refused token is named by its file, never by its content", async () => {
  answer = { status: 401, body: "{}" };
  const failure = await failureOf(api().get("/api/v1/x", reply));
  expect(failure.problems[0]?.message).toContain("operator.token");
  expect(failure.message).not.toContain("secret");
});

it("a missing token, an empty one and a bad address say where they were looked for", () => {
  const missing = join(dir, "none");
  expect(() => locate({ server: "http://127.0.0.1:1", tokenFile: missing })).toThrow(
    `\`${missing}\`: there is no such file`,
  );
  writeFileSync(join(dir, "empty"), "\n");
  expect(() => locate({ server: "http://127.0.0.1:1", tokenFile: join(dir, "empty") })).toThrow(
    "holds no operator's token",
  );
  expect(() => locate({ server: "localhost:7480", tokenFile: missing })).toThrow(
    "(from --server) is not the address",
  );
});

it("warns before the token goes unencrypted to another machine, and only then", () => {
  const tokenFile = join(dir, "operator.token");
  const noted = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    const quiet = [
      "http://127.0.0.1:7480",
      "http://localhost:1",
      "http://[::1]:1",
      "https://ringwall.example.com",
    ];
    for (const server of quiet) locate({ server, tokenFile });
    expect(noted).not.toHaveBeenCalled();
    for (const server of ["http://ringwall.example.com:7480", "http://192.0.2.7", "http://127.example.com"]) {
      locate({ server, tokenFile });
      expect(noted).toHaveBeenLastCalledWith(
        expect.stringMatching(`^warning: .*${new URL(server).origin}.*unencrypted`),
      );
    }
    expect(noted.mock.calls.join("")).not.toContain("secret");
  } finally {
    noted.mockRestore();
  }
});
