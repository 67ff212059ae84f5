// How long an agent's certificate is good, and when it was issued.
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { certificateRequest } from "../testing/test-agent.ts";
import { issuedAt, issuedMsOf, loadAuthority } from "./authority.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ringwall-terms-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function issueNow() {
  const { csr } = await certificateRequest();
  const issued = await (await loadAuthority(folder)).issueForAgent(csr, "web-1");
  if (!issued.ok) throw new Error(issued.error);
  const { validFromDate, validToDate } = new X509Certificate(issued.value.der);
  return { issued: issued.value, from: validFromDate.getTime(), to: validToDate.getTime() };
}

it("leaves a controller that is away a weekend, from when agents begin to ask for another", async () => {
  const { from, to } = await issueNow();
  const dueAt = from + ((to - from) * 2) / 3;
  expect(to - dueAt).toBeGreaterThanOrEqual(63 * HOUR_MS);
});

it("is known by its dates to have been issued when it was, to the second", async () => {
  const before = Date.now();
  const { issued, from, to } = await issueNow();
  const issuedMs = issuedMsOf(from, to);
  expect(issuedMs).toBe(issuedAt(issued).getTime());
  expect(issuedMs).toBeGreaterThan(before - 1000);
  expect(issuedMs).toBeLessThanOrEqual(Date.now());
});

it("is known to have been issued when it was where it was made for a day, dated back or not", () => {
  const now = Date.parse("2026-11-22T12:00:00Z");
  expect(issuedMsOf(now - DAY_MS, now + DAY_MS)).toBe(now);
  expect(issuedMsOf(now, now + DAY_MS)).toBe(now);
});
