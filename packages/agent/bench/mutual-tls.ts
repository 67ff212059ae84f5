/** A new connection with mutual TLS between two Node.js ends in one process, beside a plain one. */
import { webcrypto } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { createTestAuthority } from "../src/testing/test-controller.ts";

export type HandshakeCost = { readonly plainNs: number; readonly mutualTlsNs: number };

/** Medians; one connection after the other, without resumption. */
export async function measureMutualTls(connections: number): Promise<HandshakeCost> {
  const { authority, identity } = await credentials();
  const options = { ...identity, ca: authority, minVersion: "TLSv1.3" } as const;
  const plain = createServer((socket) => socket.end("x"));
  const tls = createTlsServer({ ...options, requestCert: true, rejectUnauthorized: true }, (socket) =>
    socket.end("x"),
  );
  try {
    const [plainPort, tlsPort] = [await listen(plain), await listen(tls)];
    const host = "127.0.0.1";
    return {
      plainNs: await median(connections, async () => {
        await drained(connect({ host, port: plainPort }));
      }),
      mutualTlsNs: await median(connections, async () => {
        await drained(connectTls({ ...options, host, port: tlsPort }));
      }),
    };
  } finally {
    plain.close();
    tls.close();
  }
}

async function drained(socket: NodeJS.ReadableStream & { end(): unknown }): Promise<void> {
  socket.resume();
  await once(socket, "end");
  socket.end();
}

async function median(times: number, work: () => Promise<void>): Promise<number> {
  const ns: number[] = [];
  for (let i = 0; i < times; i++) {
    const start = process.hrtime.bigint();
    await work();
    ns.push(Number(process.hrtime.bigint() - start));
  }
  return ns.sort((a, b) => a - b)[times >> 1] ?? Number.NaN;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port; // a TCP server's
}

async function credentials() {
  const authority = await createTestAuthority();
  const keys = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const publicKey = new x509.PublicKey(await webcrypto.subtle.exportKey("spki", keys.publicKey));
  const leaf = await authority.issue(publicKey, [{ type: "ip", value: "127.0.0.1" }], 3_600_000);
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const identity = {
    key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
    cert: leaf.toString("pem"),
  };
  return { authority: authority.ca.toString("pem"), identity };
}
