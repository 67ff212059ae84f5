/** Orders of a drill: who may start one on this host. */
import { webcrypto } from "node:crypto";
import "reflect-metadata";
import { create, toBinary } from "@bufbuild/protobuf";
import * as x509 from "@peculiar/x509";
import { DRILL_CONTEXT, DrillRole, type DrillTerms, DrillTermsSchema } from "@ringwall/protocol/agent";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { acceptOrder, ORDER_AGE_MS_MAX, type OrderContext } from "./order.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const NOW_MS = Date.parse("2026-11-21T09:00:00Z");

async function newAuthority() {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=drill",
    keys,
    signingAlgorithm: ALGORITHM,
  });
  const sign = async (terms: Uint8Array, context = DRILL_CONTEXT) =>
    new Uint8Array(
      await webcrypto.subtle.sign(ALGORITHM, keys.privateKey, Buffer.concat([Buffer.from(context), terms])),
    );
  return { pem: ca.toString("pem"), sign };
}

describe("an order to take part in a drill", () => {
  let authority: Awaited<ReturnType<typeof newAuthority>>;
  let context: OrderContext;
  beforeAll(async () => {
    authority = await newAuthority();
    context = {
      caCertificate: authority.pem,
      workload: "web-1",
      last: { run: 7n, roles: [DrillRole.SINK] },
      nowMs: NOW_MS,
    };
  });
  const bytes = (parts: Partial<DrillTerms> = {}) =>
    toBinary(
      DrillTermsSchema,
      create(DrillTermsSchema, {
        run: 8n,
        workload: "web-1",
        role: DrillRole.SENDER,
        issuedMs: BigInt(NOW_MS),
        seconds: 60,
        peer: "app-1",
        peerAddress: "10.0.0.2",
        ownAddress: "10.0.0.1",
        senderPort: 40_000,
        receiverPort: 40_001,
        ...parts,
      }),
    );
  const order = (terms: Uint8Array, signature: Uint8Array) => ({
    $typeName: "ringwall.agent.v1.DrillOrder" as const,
    terms,
    signature,
  });
  const accepted = async (parts: Partial<DrillTerms> = {}) => {
    const terms = bytes(parts);
    return acceptOrder(order(terms, await authority.sign(terms)), context);
  };
  const refusal = async (parts: Partial<DrillTerms>) => {
    const result = await accepted(parts);
    return result.ok ? "taken" : result.error;
  };

  test("is taken when the controller's authority has signed it for this host, now, for the first time", async () => {
    expect(await accepted()).toMatchObject({ ok: true, value: { run: 8n, senderPort: 40_000 } });
    // The same run in another role: both ends may be asked of one host one after the other, and be told to stop.
    expect(await refusal({ run: 7n, role: DrillRole.STOP, senderPort: 0, receiverPort: 0 })).toBe("taken");
  });

  test("is refused unsigned, signed by another authority, for something else, or changed", async () => {
    const terms = bytes();
    const stranger = await newAuthority();
    const unsigned = "the order is not signed by the controller's authority";
    for (const signature of [
      new Uint8Array(),
      new Uint8Array(64),
      await stranger.sign(terms),
      await authority.sign(terms, "ringwall something else\0"),
    ])
      expect(acceptOrder(order(terms, signature), context)).toEqual({ ok: false, error: unsigned });
    const signature = await authority.sign(terms);
    for (let at = 0; at < terms.length; at++) {
      const changed = terms.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(acceptOrder(order(changed, signature), context)).toEqual({ ok: false, error: unsigned });
    }
  });

  test("is refused for another host, again, from before, and long after", async () => {
    expect(await refusal({ workload: "web-2" })).toContain("is for `web-2`");
    expect(await refusal({ run: 7n, role: DrillRole.SINK, senderPort: 0, receiverPort: 0 })).toContain(
      "good once",
    );
    expect(await refusal({ run: 6n })).toContain("good once");
    for (const off of [-1, 1])
      expect(await refusal({ issuedMs: BigInt(NOW_MS + off * (ORDER_AGE_MS_MAX + 1)) })).toContain(
        "not of now",
      );
  });

  test("is refused where it names a service's port, no address, itself, or no end", async () => {
    for (const parts of [
      { senderPort: 22 },
      { senderPort: 0 },
      { receiverPort: 443 },
      { peerAddress: "app-1" },
      { peerAddress: "10.0.0.1" },
      { ownAddress: "fd00::1" },
      { seconds: 0 },
      { seconds: 3_600 },
      { role: DrillRole.UNSPECIFIED },
      { role: DrillRole.SINK },
    ])
      expect(await refusal(parts)).toContain("make no sense");
  });

  test("of any bytes, signed or not, has an answer", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 3000 }),
        fc.uint8Array({ maxLength: 80 }),
        async (terms, junk) => {
          expect(acceptOrder(order(terms, junk), context).ok).toBe(false);
          const signed = acceptOrder(order(terms, await authority.sign(terms)), context);
          expect(signed.ok).toBe(false);
        },
      ),
      { numRuns: 200 },
    );
  });
});
