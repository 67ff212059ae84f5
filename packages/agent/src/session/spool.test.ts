import "reflect-metadata";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCertificateRequest } from "./certificate-request.ts";
import { openSpool, SPOOL_BYTES_ALWAYS, SPOOL_BYTES_MAX, spoolBytes } from "./spool.ts";
import { formatToken, parseToken } from "./token.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringwall-spool-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("what waits survives a restart, oldest first", async () => {
  const first = await openSpool(folder);
  await first.add({ kind: "flows", rows: 3, bytes: Buffer.from("one") });
  await first.add({ kind: "execs", rows: 1, bytes: Buffer.from("two") });
  await writeFile(join(folder, "spool", "000000000009-flows-1.pb.new"), "torn");
  const second = await openSpool(folder);
  expect(second.size()).toEqual({ reports: 2, bytes: 6 });
  const [oldest] = await second.oldest(1, 100);
  expect(oldest?.report).toEqual({ kind: "flows", rows: 3, bytes: Buffer.from("one") });
  await oldest?.drop();
  await oldest?.drop();
  expect((await second.oldest(1, 100)).map(({ report }) => report.kind)).toEqual(["execs"]);
});

test("gives out the oldest together, as many and as large as asked for, and one at least", async () => {
  const spool = await openSpool(folder);
  const rowsOf = async (reportsMax: number, bytesMax: number) =>
    (await spool.oldest(reportsMax, bytesMax)).map(({ report }) => report.rows);
  expect(await rowsOf(8, 100)).toEqual([]);
  for (const rows of [1, 2, 3]) await spool.add({ kind: "flows", rows, bytes: new Uint8Array(40) });
  expect([await rowsOf(8, 200), await rowsOf(2, 200), await rowsOf(8, 100), await rowsOf(8, 10)]).toEqual([
    [1, 2, 3],
    [1, 2],
    [1, 2],
    [1],
  ]);
});

test("beyond its limit the oldest go, and their rows are counted", async () => {
  const spool = await openSpool(folder, { bytesMax: 10, reportsMax: 3 });
  const add = (size: number, rows: number) => spool.add({ kind: "flows", rows, bytes: new Uint8Array(size) });
  expect([await add(5, 1), await add(5, 2), await add(5, 4)]).toEqual([0, 0, 1]);
  expect([await add(1, 8), await add(1, 16)]).toEqual([2, 0]);
  expect(spool.size()).toEqual({ reports: 3, bytes: 7 });
});

test("takes an eighth of what is free on the disk, within its limits", () => {
  const gib = 2 ** 30;
  expect([0, gib / 4, gib, 100 * gib].map(spoolBytes)).toEqual([
    SPOOL_BYTES_ALWAYS,
    SPOOL_BYTES_ALWAYS,
    gib / 8,
    SPOOL_BYTES_MAX,
  ]);
});

test("what is being sent stays, so that it can't be both stored and counted as lost", async () => {
  const spool = await openSpool(folder, { bytesMax: 10, reportsMax: 3 });
  const add = (rows: number) => spool.add({ kind: "flows", rows, bytes: new Uint8Array(5) });
  await add(1);
  const [sending] = await spool.oldest(1, 100);
  expect([await add(2), await add(4), await add(8)]).toEqual([0, 2, 4]);
  await sending?.drop();
  expect((await spool.oldest(8, 100)).map(({ report }) => report.rows)).toEqual([8]);
});

test("a token says the same after being written down, and any text has an answer", () => {
  const hex = fc.array(fc.constantFrom(..."0123456789abcdef"), { minLength: 64, maxLength: 64 });
  fc.assert(
    fc.property(fc.nat(65_535), hex, fc.string({ minLength: 1, maxLength: 64 }), (port, digits, secret) => {
      const token = { controller: `https://192.0.2.1:${port}`, caSha256: digits.join(""), secret };
      expect(parseToken(`\n${formatToken(token)} \n`)).toEqual({ ok: true, value: token });
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(parseToken(`rw1.${Buffer.from(text).toString("base64url")}`).ok).toBe(false);
    }),
  );
});

test("the certificate request is one that others read and verify", async () => {
  for (const workload of ["web-1", "ns/pod", "x".repeat(253)]) {
    const { csr, privateKey } = createCertificateRequest(workload);
    const request = new x509.Pkcs10CertificateRequest(new Uint8Array(csr));
    expect(await request.verify()).toBe(true);
    expect(request.publicKey.algorithm).toMatchObject({ name: "ECDSA", namedCurve: "P-256" });
    expect(request.subject).toBe(`CN=${workload.slice(0, 64)}`);
    expect(privateKey).toContain("BEGIN PRIVATE KEY");
  }
});
