import { createHash, randomBytes, webcrypto } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import path from "node:path";
import { fail, ok, type Result } from "@ringwall/model";
import { DRILL_CONTEXT } from "@ringwall/protocol/agent";
import { makeFolder } from "../make-folder.ts";
import { ControllerStartError } from "../start-error.ts";
import { spiffeIdOf } from "./spiffe.ts";
import { KEY_ALGORITHM, SIGNING_ALGORITHM, x509 } from "./x509.ts";

/**
 * Agents renew when a third is left of this and BACKDATE_MS, so that a controller may be away for 64 hours, a weekend. Who is
 * forgotten, or enrols again, is refused at once whatever is left.
 */
export const AGENT_CERTIFICATE_MS = 7 * 24 * 3_600_000;
const CA_YEARS = 10;
const SERVER_CERTIFICATE_DAYS = 30;
const DAY_MS = 24 * 3_600_000;
/** Clocks of hosts are allowed to be behind by this much, and this machine's to have been ahead by it when it signed. */
const BACKDATE_MS = DAY_MS;

export type IssuedCertificate = {
  readonly der: Uint8Array;
  readonly serial: string;
  readonly notAfter: Date;
};

/** As whoever is shown the certificate knows it: to the second. */
export function issuedAt({ notAfter }: Pick<IssuedCertificate, "notAfter">): Date {
  return new Date(Math.floor(notAfter.getTime() / 1000) * 1000 - AGENT_CERTIFICATE_MS);
}

/** The same of any agent's certificate, which may have been made to last longer or shorter than they are now. */
export function issuedMsOf(notBeforeMs: number, notAfterMs: number): number {
  return notAfterMs - notBeforeMs > BACKDATE_MS ? notBeforeMs + BACKDATE_MS : notBeforeMs;
}

/** The certificate authority of one controller: the one thing its agents trust. */
export type Authority = {
  readonly certificateDer: Uint8Array;
  readonly certificatePem: string;
  /** Hexadecimal SHA-256 of the certificate's DER, as in enrolment tokens. */
  readonly fingerprint: string;
  /** A client certificate for a PKCS#10 request whose signature holds; nothing of the request but its key is taken over. */
  issueForAgent(csr: Uint8Array, workload: string): Promise<Result<IssuedCertificate, string>>;
  /** What agents ask of an order to take part in a drill: nothing but this authority can start one. */
  signDrill(terms: Uint8Array): Promise<Uint8Array>;
  /** A fresh server certificate and its key for the names and addresses agents may use. */
  issueForServer(
    hosts: readonly string[],
  ): Promise<{ readonly certificatePem: string; readonly keyPem: string }>;
};

/** Loads the authority of `dir`, made on the first start. The key never leaves the folder (mode 0600). */
export async function loadAuthority(dir: string): Promise<Authority> {
  const keyFile = path.join(dir, "ca.key");
  const certificateFile = path.join(dir, "ca.pem");
  if (!existsSync(keyFile) && !existsSync(certificateFile)) await create(dir, keyFile, certificateFile);
  if (!existsSync(keyFile) || !existsSync(certificateFile)) {
    throw new ControllerStartError(
      "ca-incomplete",
      `the certificate authority in \`${dir}\` is not complete: key or certificate is missing`,
      "put both files back from a backup; without them every agent has to enrol again",
    );
  }
  const certificate = new x509.X509Certificate(readFileSync(certificateFile, "utf8"));
  const key = await importKey(readFileSync(keyFile, "utf8"));
  return authorityOf(certificate, key);
}

function authorityOf(ca: x509.X509Certificate, caKey: webcrypto.CryptoKey): Authority {
  const certificateDer = new Uint8Array(ca.rawData);
  const issue = async (
    publicKey: webcrypto.CryptoKey | x509.PublicKey,
    lifetimeMs: number,
    subject: string,
    extensions: readonly x509.Extension[],
  ): Promise<IssuedCertificate & { readonly pem: string }> => {
    const serial = `00${randomBytes(16).toString("hex")}`;
    const notAfter = new Date(Date.now() + lifetimeMs);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial,
      subject,
      issuer: ca.subject,
      notBefore: new Date(Date.now() - BACKDATE_MS),
      notAfter,
      publicKey,
      signingKey: caKey,
      signingAlgorithm: SIGNING_ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        await x509.AuthorityKeyIdentifierExtension.create(ca, false),
        ...extensions,
      ],
    });
    return {
      der: new Uint8Array(certificate.rawData),
      pem: `${certificate.toString("pem")}\n`,
      serial: normalSerial(certificate.serialNumber),
      notAfter,
    };
  };
  return {
    certificateDer,
    certificatePem: `${ca.toString("pem")}\n`,
    fingerprint: createHash("sha256").update(certificateDer).digest("hex"),
    async issueForAgent(csr, workload) {
      const key = await publicKeyOfRequest(csr);
      if (!key.ok) return key;
      return ok(
        await issue(key.value, AGENT_CERTIFICATE_MS, "CN=ringwall agent", [
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
          new x509.SubjectAlternativeNameExtension([{ type: "url", value: spiffeIdOf(workload) }]),
        ]),
      );
    },
    async signDrill(terms) {
      const data = Buffer.concat([Buffer.from(DRILL_CONTEXT), terms]);
      return new Uint8Array(await webcrypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, caKey, data));
    },
    async issueForServer(hosts) {
      const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
      const names = hosts.map((host) => ({
        type: isIP(host) === 0 ? ("dns" as const) : ("ip" as const),
        value: host,
      }));
      const issued = await issue(
        keys.publicKey as webcrypto.CryptoKey,
        SERVER_CERTIFICATE_DAYS * DAY_MS,
        "CN=ringwall controller",
        [
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension(names),
        ],
      );
      return { certificatePem: issued.pem, keyPem: await exportKey(keys.privateKey as webcrypto.CryptoKey) };
    },
  };
}

/** As TLS sockets report serials: upper case, without leading zeros. */
export function normalSerial(serial: string): string {
  return serial.replace(/^0+/, "").toUpperCase();
}

async function publicKeyOfRequest(csr: Uint8Array): Promise<Result<x509.PublicKey, string>> {
  const CSR_BYTES_MAX = 8_192;
  if (csr.length === 0 || csr.length > CSR_BYTES_MAX)
    return fail("the certificate request is empty or too large");
  try {
    const request = new x509.Pkcs10CertificateRequest(new Uint8Array(csr));
    const { algorithm } = request.publicKey;
    if (algorithm.name !== "ECDSA" || !("namedCurve" in algorithm) || algorithm.namedCurve !== "P-256") {
      return fail("the certificate request's key is not a P-256 key");
    }
    return (await request.verify())
      ? ok(request.publicKey)
      : fail("the certificate request's signature is wrong");
  } catch {
    return fail("the certificate request is not PKCS#10 in DER");
  }
}

async function create(dir: string, keyFile: string, certificateFile: string): Promise<void> {
  makeFolder(dir, 0o700);
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: `00${randomBytes(16).toString("hex")}`,
    name: "CN=ringwall CA",
    // Whoever trusts it trusts its key, whenever that was made; no clock was ever behind this.
    notBefore: new Date(0),
    notAfter: new Date(Date.now() + CA_YEARS * 365 * DAY_MS),
    keys: keys as webcrypto.CryptoKeyPair,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as webcrypto.CryptoKey, false),
    ],
  });
  // The certificate comes first: a kill in between leaves a state that is named, never a new CA over an old one.
  writeAtomically(certificateFile, certificate.toString("pem"), 0o644);
  writeAtomically(keyFile, await exportKey(keys.privateKey as webcrypto.CryptoKey), 0o600);
}

function writeAtomically(file: string, text: string, mode: number): void {
  writeFileSync(`${file}.partial`, text, { mode });
  renameSync(`${file}.partial`, file);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`;
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
  return (await webcrypto.subtle.importKey("pkcs8", der, KEY_ALGORITHM, false, [
    "sign",
  ])) as webcrypto.CryptoKey;
}
