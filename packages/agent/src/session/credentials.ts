import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type AgentError, agentError } from "../agent-error.ts";
import { makeFolder } from "../state/make-folder.ts";
import { saveFile } from "../state/save-file.ts";

/** What an enrolled agent proves itself with. */
export type Credentials = {
  /** As the certificate's SPIFFE id says. */
  readonly workload: string;
  readonly controller: string;
  /** PKCS#8, PEM; never leaves the host. */
  readonly privateKey: string;
  /** PEM, leaf first. */
  readonly certificateChain: string;
  readonly caCertificate: string;
  /** Of the token by which they came, renewals included; missing where an older agent enrolled, and for containers. */
  readonly tokenSha256?: string;
};

/** What an agent begins with. */
export type Enrolment = {
  readonly credentials: Credentials;
  /** Asks for others in the place of expired ones, once each call; set where that can be done. */
  readonly enrol?: (expired: Credentials) => Promise<Credentials>;
  /** Also when the others have expired, which a token is not good for. */
  readonly enrolsAgain?: boolean;
  /** Where a new token may come to while the agent runs: asks by it in the place of refused ones, null where there is none. */
  readonly byToken?: {
    readonly file: string;
    readonly enrol: (refused: Credentials) => Promise<Credentials | null>;
  };
};

const SPIFFE_WORKLOAD = "spiffe://ringwall/workload/";

/** The workload that a certificate speaks for, or undefined where it speaks for none. */
export function workloadOfCertificate(certificate: X509Certificate): string | undefined {
  for (const entry of (certificate.subjectAltName ?? "").split(", ")) {
    const uri = entry.startsWith("URI:") ? entry.slice(4) : undefined;
    if (uri?.startsWith(SPIFFE_WORKLOAD)) return uri.slice(SPIFFE_WORKLOAD.length);
  }
  return undefined;
}

export async function saveCredentials(stateDir: string, credentials: Credentials): Promise<void> {
  const folder = join(stateDir, "identity");
  await makeFolder(folder, 0o700);
  // One file, so that key and certificate can't come apart when the agent is killed in between.
  await saveFile(join(folder, "credentials.json"), `${JSON.stringify(credentials, null, 2)}\n`, 0o600);
}

/**
 * The stored credentials, or null where this agent was never enrolled. Throws AgentError for what can't be used. A time
 * of null takes expired ones too: the host's name is still right, and its policy has to be enforced.
 */
export async function loadCredentials(stateDir: string, nowMs: number | null): Promise<Credentials | null> {
  const file = join(stateDir, "identity", "credentials.json");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw agentError(
      "credentials-unreadable",
      `the agent's credentials \`${file}\` can't be read`,
      "run as the user that enrolled this agent (usually root)",
      error,
    );
  }
  let credentials: Credentials;
  let leaf: X509Certificate;
  try {
    credentials = JSON.parse(text) as Credentials;
    leaf = new X509Certificate(credentials.certificateChain);
    if (!leaf.checkPrivateKey(createPrivateKey(credentials.privateKey))) throw new Error("key mismatch");
  } catch (error) {
    throw unusable(file, "is damaged: key and certificate don't belong together", error);
  }
  const workload = workloadOfCertificate(leaf);
  if (workload !== credentials.workload) throw unusable(file, "holds a certificate that names no workload");
  if (!leaf.checkIssued(new X509Certificate(credentials.caCertificate))) {
    throw unusable(file, "holds a certificate that another authority issued");
  }
  if (nowMs !== null && leaf.validToDate.getTime() <= nowMs) {
    throw unusable(file, `holds a certificate that expired at ${leaf.validToDate.toISOString()}`);
  }
  return credentials;
}

/** Stands in for credentials that are lost or damaged: the name is still right, and its policy has to be enforced. */
export function lostCredentials(workload: string, controller: string): Credentials {
  return { workload, controller, privateKey: "", certificateChain: "", caCertificate: "" };
}

/** Until when they can be used; undefined for lost ones. */
export function expiryOf({ certificateChain }: Credentials): Date | undefined {
  return certificateChain === "" ? undefined : new X509Certificate(certificateChain).validToDate;
}

function unusable(file: string, what: string, cause?: unknown): AgentError {
  return agentError(
    "certificate-unusable",
    `the agent's credentials file \`${file}\` ${what}`,
    "enrol again: make a token with `ringwall token create --name WORKLOAD` and start the agent with --token-file",
    cause,
  );
}

export async function deleteCredentials(stateDir: string): Promise<void> {
  await rm(join(stateDir, "identity"), { recursive: true, force: true });
}

/** When to ask for the next certificate: after two thirds of this one's life. Milliseconds since 1970. */
export function renewAtMs(certificateChain: string): number {
  const leaf = new X509Certificate(certificateChain);
  const from = leaf.validFromDate.getTime();
  return from + ((leaf.validToDate.getTime() - from) * 2) / 3;
}

/** One PEM text of DER certificates. */
export function formatPem(chain: readonly Uint8Array[]): string {
  return chain.map((der) => new X509Certificate(der).toString()).join("");
}
