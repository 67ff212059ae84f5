import { pino } from "pino";
import { afterEach, beforeEach, expect, it } from "vitest";
import { buildUsersApp, type UsersApp } from "./app.ts";
import type { SignIn, UserServices } from "./services.ts";

const SECRET = "a-sign-in-link-works-once";
let lines: string[];
let app: UsersApp;

/** The database is away: every question fails with what a driver would say. */
const signIn: SignIn = {
  createLink: () => Promise.reject(new Error("the database is away")),
  redeem: () => Promise.reject(new Error("the database is away")),
  session: async () => null,
  bearer: () => null,
};

beforeEach(async () => {
  lines = [];
  app = await buildUsersApp({
    services: {} as UserServices,
    signIn,
    publicUrl: null,
    consoleDir: null,
    logger: pino({ level: "trace" }, { write: (line) => lines.push(line) }),
  });
});
afterEach(() => app.close());

it("keeps a sign-in link's token out of the log and out of the answer, whatever fails", async () => {
  const urls = [`/sign-in?token=${SECRET}`, `/sign-in/?token=${SECRET}`, `/api/v1/status?token=${SECRET}`];
  for (const url of urls) {
    const answer = await app.inject({ method: "GET", url, headers: { host: "localhost" } });
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(answer.body).not.toContain(SECRET);
  }
  // The failure itself is there for whoever has to look into it.
  expect(lines.join("")).toContain("the database is away");
  expect(lines.join("")).toContain('"path":"/sign-in"');
  expect(lines.join("")).not.toContain(SECRET);
});

it("does not use a link up for a preview of it", async () => {
  const answer = await app.inject({
    method: "HEAD",
    url: `/sign-in?token=${SECRET}`,
    headers: { host: "localhost" },
  });
  expect(answer.statusCode).toBe(404);
  expect(lines.join("")).not.toContain("the database is away");
});
