/**
 * New connections between two Node.js ends in one process, one after the other, as programs make them: the server sends
 * a byte and ends, the client reads to the end.
 *
 *   node-load.ts plain | tls     as proof.ts starts it
 *
 * Prints "ready"; for each line N on standard input makes N connections and prints the median nanoseconds of one.
 * "tls": with mutual TLS 1.3, P-256 keys, no resumption.
 */
import { webcrypto } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { BadArgument, takeArguments } from "@ringwall/model/testing/arguments";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { createTestAuthority } from "../src/testing/test-controller.ts";

const AT = { host: "127.0.0.1", port: 9100 };

const kind = takeArguments(process, "plain | tls", () => {
  const [first, ...more] = process.argv.slice(2);
  if ((first === "plain" || first === "tls") && more.length === 0) return first;
  throw new BadArgument("one argument is wanted: `plain` or `tls`");
});
const { server, open } = kind === "tls" ? await mutualTls() : plain();
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const times = Number(line);
  // The line that tells a program of the tests to begin asks for nothing.
  if (!(times > 0)) continue;
  // A listener older than the kernel programs could not prove itself.
  server.listen(AT.port, AT.host);
  await once(server, "listening");
  const ns = await medianNs(times, async () => drained(open()));
  server.close();
  await once(server, "close");
  console.log(ns);
}

function plain() {
  return { server: createServer((socket) => socket.end("x")), open: () => connect(AT) };
}

async function mutualTls() {
  const { authority, identity } = await credentials();
  const options = { ...identity, ca: authority, minVersion: "TLSv1.3" } as const;
  const server = createTlsServer({ ...options, requestCert: true, rejectUnauthorized: true }, (socket) =>
    socket.end("x"),
  );
  return { server, open: () => connectTls({ ...options, ...AT }) };
}

async function drained(socket: NodeJS.ReadableStream & { end(): unknown }): Promise<void> {
  socket.resume();
  await once(socket, "end");
  socket.end();
}

async function medianNs(times: number, work: () => Promise<void>): Promise<number> {
  const ns: number[] = [];
  for (let i = 0; i < times; i++) {
    const start = process.hrtime.bigint();
    await work();
    ns.push(Number(process.hrtime.bigint() - start));
  }
  return ns.sort((a, b) => a - b)[times >> 1] ?? Number.NaN;
}

async function credentials() {
  const authority = await createTestAuthority();
  const keys = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const publicKey = new x509.PublicKey(await webcrypto.subtle.exportKey("spki", keys.publicKey));
  const leaf = await authority.issue(publicKey, [{ type: "ip", value: AT.host }], 3_600_000);
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const identity = {
    key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
    cert: leaf.toString("pem"),
  };
  return { authority: authority.ca.toString("pem"), identity };
}
