/** Hosts whose certificate is refused while their agent runs: a new token in the agent's file is all they need. */
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestController, type TestController } from "../testing/test-controller.ts";
import { type Enrolment, loadCredentials } from "./credentials.ts";
import { ensureEnrolled } from "./ensure-enrolled.ts";
import { createSession, type Session } from "./session.ts";
import { formatToken } from "./token.ts";

let controller: TestController;
let folder: string;
let tokenFile: string;
let told: string[];
let logged: string[];
const stops: AbortController[] = [];

beforeEach(async () => {
  controller = await startTestController();
  folder = mkdtempSync(`${tmpdir()}/ringwall-enrol-again-`);
  tokenFile = `${folder}/token`;
  told = [];
  logged = [];
});
afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort();
  await controller.close();
  rmSync(folder, { recursive: true });
});

function enrolment(given: { readonly tokenFile?: string } = { tokenFile }): Promise<Enrolment> {
  const signal = AbortSignal.timeout(20_000);
  return ensureEnrolled({
    options: { stateDir: folder, pinDir: "/none", cgroup: "/none", signal, ...given },
    hostName: "web-1",
    addresses: () => [],
    version: "0.1.0",
    nowMs: Date.now,
    onWaiting: ({ message }) => told.push(message),
    onUnusable: (why) => told.push(why),
    onEnrolledAgain: (how) => logged.push(how),
  });
}

function start(enrolled: Enrolment): Session {
  const session = createSession({
    stateDir: folder,
    ...enrolled,
    version: "0.1.0",
    generation: () => 7n,
    onMessage: async () => undefined,
    onOpen: () => undefined,
    onFailure: ({ message, fix }) => told.push(`${message}; ${fix}`),
    nowMs: Date.now,
  });
  const stop = new AbortController();
  stops.push(stop);
  void session.run(stop.signal);
  return session;
}

async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; tries < 3000; tries++) {
    if (what()) return;
    await sleep(20);
  }
  throw new Error(`never came true: ${what}`);
}

/** The agent has tried to connect, and what followed of all but the last try is over. */
async function moreTries(): Promise<void> {
  const before = controller.subscriptions.length;
  await until(() => controller.subscriptions.length >= before + 2);
}

const tokenOfNobody = () =>
  formatToken({ controller: "https://127.0.0.1:9", caSha256: "0".repeat(64), secret: "x" });

async function connected(): Promise<Session> {
  writeFileSync(tokenFile, controller.token());
  const session = start(await enrolment());
  await until(() => session.client() !== null);
  return session;
}

describe("a running agent whose host was forgotten", () => {
  test("says where a new token belongs, and enrols by it as soon as it is there", async () => {
    const session = await connected();
    controller.forget("web-1");
    await until(() => told.some((line) => line.includes("the workload was forgotten")));
    expect(told.at(-1)).toContain(
      `\`ringwall token create --name web-1\` and put it into \`${tokenFile}\`: the running agent takes it from there`,
    );
    const token = controller.token();
    writeFileSync(tokenFile, token);
    await until(() => session.client() !== null);
    expect(logged).toEqual([`enrolled again as \`web-1\`, with the token in \`${tokenFile}\``]);
    expect(await loadCredentials(folder, Date.now())).toEqual(session.credentials());
    const said = [...told, ...logged, readFileSync(`${folder}/identity/credentials.json`, "utf8")].join();
    expect(said).not.toContain(token);
    expect(said).not.toContain(secretOf(token));
  });

  test("does so as often as it is forgotten", async () => {
    const session = await connected();
    for (const times of [1, 2]) {
      controller.forget("web-1");
      writeFileSync(tokenFile, controller.token());
      await until(() => logged.length === times && session.client() !== null);
    }
  });

  test("does not come back by the token it has, though that is good for several hosts", async () => {
    controller.settings.tokensLast = true;
    await connected();
    controller.forget("web-1");
    await moreTries();
    for (const stop of stops.splice(0)) stop.abort();
    // Nor after the agent was started again.
    const again = start(await enrolment());
    await moreTries();
    expect(logged).toEqual([]);
    expect(again.client()).toBeNull();
  });

  test("enrols by a token that was put there while it did not run", async () => {
    await connected();
    for (const stop of stops.splice(0)) stop.abort();
    controller.forget("web-1");
    writeFileSync(tokenFile, controller.token());
    const session = start(await enrolment());
    await until(() => session.client() !== null);
  });

  test("takes the token that is there at its start for the former one, where an older agent enrolled", async () => {
    controller.settings.tokensLast = true;
    await connected();
    for (const stop of stops.splice(0)) stop.abort();
    const file = `${folder}/identity/credentials.json`;
    const { tokenSha256, ...older } = JSON.parse(readFileSync(file, "utf8"));
    expect(tokenSha256).toMatch(/^[0-9a-f]{64}$/);
    writeFileSync(file, JSON.stringify(older));
    controller.forget("web-1");
    const session = start(await enrolment());
    await moreTries();
    expect(session.client()).toBeNull();
    writeFileSync(tokenFile, controller.token());
    await until(() => session.client() !== null);
  });

  test("names a new token that is refused, once, and takes the next", async () => {
    const session = await connected();
    const used = controller.token();
    controller.forget("web-1");
    writeFileSync(`${folder}/other`, used);
    await ensureEnrolled({
      options: {
        stateDir: `${folder}/of-another`,
        pinDir: "/none",
        cgroup: "/none",
        tokenFile: `${folder}/other`,
        signal: AbortSignal.timeout(8000),
      },
      hostName: "web-2",
      addresses: () => [],
      version: "0.1.0",
      nowMs: Date.now,
      onWaiting: () => undefined,
      onUnusable: () => undefined,
    });
    writeFileSync(tokenFile, used);
    await until(() => told.some((line) => line.includes("the token was used already")));
    const before = told.length;
    await moreTries();
    expect(told).toHaveLength(before);
    expect(told.at(-1)).toContain("the workload was forgotten");
    expect(told.at(-1)).toContain(`and it can't enrol by the token in \`${tokenFile}\``);
    writeFileSync(tokenFile, controller.token());
    await until(() => session.client() !== null);
  });

  test.each([
    ["others may write", () => chmodSync(tokenFile, 0o666)],
    ["belongs to another user", () => chownSync(tokenFile, 12_345, -1)],
  ])("takes no token from a file that %s, and says so", async (_, spoil) => {
    const session = await connected();
    const token = controller.token();
    writeFileSync(tokenFile, token);
    spoil();
    controller.forget("web-1");
    await until(() => told.some((line) => line.includes("others than root may place a token in")));
    expect(logged).toEqual([]);
    expect(told.join()).not.toContain(token);
    chownSync(tokenFile, process.getuid?.() ?? 0, -1);
    chmodSync(tokenFile, 0o600);
    await until(() => session.client() !== null);
  });

  test.each([
    ["is gone", () => rmSync(tokenFile)],
    ["is empty", () => writeFileSync(tokenFile, "\n")],
    [
      "became a pipe",
      () => {
        rmSync(tokenFile);
        execFileSync("mkfifo", [tokenFile]);
      },
    ],
  ])("goes on trying where the token's file %s", async (_, spoil) => {
    const session = await connected();
    spoil();
    controller.forget("web-1");
    await until(() => told.length > 0);
    rmSync(tokenFile, { force: true });
    writeFileSync(tokenFile, controller.token());
    await until(() => session.client() !== null);
  });
});

test("a running agent whose certificate has expired says so, and enrols by a new token", async () => {
  controller.settings.lifetimeMs = 1;
  controller.settings.tokensLast = true;
  writeFileSync(tokenFile, controller.token());
  const session = start(await enrolment());
  await until(() => told.some((line) => line.includes(`put it into \`${tokenFile}\``)));
  expect(logged).toEqual([]);
  controller.settings.lifetimeMs = 3_600_000;
  writeFileSync(tokenFile, controller.token());
  await until(() => session.client() !== null);
  expect(logged).toHaveLength(1);
});

test("an agent that waits for its first enrolment takes the token that was put into its file meanwhile", async () => {
  writeFileSync(tokenFile, tokenOfNobody());
  const waiting = enrolment();
  await until(() => told.length > 0);
  writeFileSync(tokenFile, "half of");
  await sleep(100);
  writeFileSync(tokenFile, controller.token());
  expect((await waiting).credentials.controller).toBe(controller.url);
});

test("nothing is looked at again where the token was no file", async () => {
  writeFileSync(tokenFile, controller.token());
  await enrolment();
  const pipe = `${folder}/pipe`;
  execFileSync("mkfifo", [pipe]);
  for (const given of [{}, { tokenFile: "-" }, { tokenFile: pipe }])
    expect(Object.keys(await enrolment(given))).toEqual(["credentials"]);
});

function secretOf(token: string): string {
  return JSON.parse(Buffer.from(token.slice("rw1.".length), "base64url").toString()).t;
}
