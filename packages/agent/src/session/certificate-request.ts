import { createSign, generateKeyPairSync } from "node:crypto";

/** A new P-256 key with a request for a certificate of it. */
export type CertificateRequest = {
  /** PKCS#8, PEM. */
  readonly privateKey: string;
  /** PKCS#10, DER. */
  readonly csr: Uint8Array;
};

/**
 * Writes the request (RFC 2986) by hand: it has one fixed shape, and the library for it would be a quarter of the
 * agent's memory. The controller takes only the key from it: the name comes from the token or the current certificate.
 */
export function createCertificateRequest(workload: string): CertificateRequest {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const publicKey = pair.publicKey.export({ type: "spki", format: "der" });
  const commonName = sequence(OID_COMMON_NAME, encode(TAG.utf8, Buffer.from(workload.slice(0, 64))));
  const info = sequence(
    encode(TAG.integer, Buffer.from([0])),
    sequence(encode(TAG.set, commonName)),
    publicKey,
    encode(TAG.attributes, Buffer.alloc(0)),
  );
  const signature = createSign("sha256").update(info).sign({ key: pair.privateKey, dsaEncoding: "der" });
  const bits = encode(TAG.bitString, Buffer.concat([Buffer.from([0]), signature]));
  return {
    privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    csr: new Uint8Array(sequence(info, sequence(OID_ECDSA_WITH_SHA256), bits)),
  };
}

/** DER tags (X.690): class and kind are in them. */
const TAG = {
  integer: 0x02,
  bitString: 0x03,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  attributes: 0xa0,
} as const;
/** 2.5.4.3 */
const OID_COMMON_NAME = Buffer.from("0603550403", "hex");
/** 1.2.840.10045.4.3.2 */
const OID_ECDSA_WITH_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return encode(TAG.sequence, Buffer.concat(parts));
}

/** Tag, length, content; a request of ours is far below 64 KiB. */
function encode(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), content]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), content]);
}
