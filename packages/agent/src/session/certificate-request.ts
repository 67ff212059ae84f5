import { generateKeyPairSync, webcrypto } from "node:crypto";

/** A new P-256 key with a request for a certificate of it. */
export type CertificateRequest = {
  /** PKCS#8, PEM. */
  readonly privateKey: string;
  /** PKCS#10, DER. */
  readonly csr: Uint8Array;
};

/** The controller takes only the key from the request: the name comes from the token or the current certificate. */
export async function createCertificateRequest(workload: string): Promise<CertificateRequest> {
  // Loaded when a certificate is due, once a day: the library is a fifth of the agent's memory.
  await import("reflect-metadata");
  const { Pkcs10CertificateRequestGenerator } = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const privateDer = pair.privateKey.export({ type: "pkcs8", format: "der" });
  const publicDer = pair.publicKey.export({ type: "spki", format: "der" });
  const keys = {
    privateKey: await webcrypto.subtle.importKey("pkcs8", privateDer, algorithm, true, ["sign"]),
    publicKey: await webcrypto.subtle.importKey("spki", publicDer, algorithm, true, ["verify"]),
  };
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [workload.slice(0, 64)] }],
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
  });
  return {
    privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    csr: new Uint8Array(request.rawData),
  };
}
