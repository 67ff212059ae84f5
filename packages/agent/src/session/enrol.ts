import { X509Certificate } from "node:crypto";
import { agentError } from "../agent-error.ts";
import type { PeerKey } from "../proof/keys.ts";
import { createCertificateRequest } from "./certificate-request.ts";
import { CALL_TIMEOUT_MS, connectController } from "./client.ts";
import { loadControllerCa } from "./controller-trust.ts";
import { type Credentials, expiryOf, formatPem, workloadOfCertificate } from "./credentials.ts";
import { type EnrolmentToken, formatToken } from "./token.ts";

export type EnrolmentRequest = {
  readonly token: EnrolmentToken;
  /** Overrides the token's address. */
  readonly controller?: string | undefined;
  /** The name this host proposes. */
  readonly workload: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
  readonly version: string;
  /** Public keys of the proof; none where this host proves nothing. */
  readonly proofKeys: readonly PeerKey[];
};

/**
 * Trades a token for credentials. Throws what the connection threw (see `explainFailure`), or AgentError where the
 * controller is not the token's or sends what can't be used.
 */
export async function enrol(request: EnrolmentRequest): Promise<Credentials> {
  const controller = request.controller ?? request.token.controller;
  const caCertificate = await loadControllerCa(controller, request.token.caSha256);
  const { privateKey, csr } = createCertificateRequest(request.workload);
  const client = connectController(controller, { caCertificate });
  try {
    const response = await client.service.enroll(
      {
        token: formatToken(request.token),
        csr,
        workload: request.workload,
        labels: request.labels,
        addresses: [...request.addresses],
        version: request.version,
        proofKeys: [...request.proofKeys],
      },
      { timeoutMs: CALL_TIMEOUT_MS },
    );
    const chain = response.certificateChain;
    const workload = checkIssued(chain, caCertificate, response.workload);
    return { workload, controller, privateKey, certificateChain: formatPem(chain), caCertificate };
  } finally {
    client.close();
  }
}

export type CarriedRequest = Omit<EnrolmentRequest, "token" | "controller" | "proofKeys"> & {
  /** Those that it had until they expired. */
  readonly expired?: Credentials;
};

/** Credentials for a container on this host, by the host's own. Throws what the connection threw. */
export async function enrolCarried(
  host: Credentials,
  { expired, ...request }: CarriedRequest,
): Promise<Credentials> {
  const { controller, caCertificate } = host;
  const expiredMs = BigInt((expired && expiryOf(expired)?.getTime()) ?? 0);
  const { privateKey, csr } = createCertificateRequest(request.workload);
  const client = connectController(controller, host);
  try {
    const { certificateChain } = await client.service.enrollCarried(
      { csr, ...request, labels: { ...request.labels }, addresses: [...request.addresses], expiredMs },
      { timeoutMs: CALL_TIMEOUT_MS },
    );
    const workload = checkIssued(certificateChain, caCertificate, request.workload);
    return { workload, controller, privateKey, certificateChain: formatPem(certificateChain), caCertificate };
  } finally {
    client.close();
  }
}

/** A new key and certificate for the same workload. Throws what the connection threw. */
export async function renew(credentials: Credentials): Promise<Credentials> {
  const { privateKey, csr } = createCertificateRequest(credentials.workload);
  const client = connectController(credentials.controller, credentials);
  try {
    const { certificateChain } = await client.service.renew({ csr }, { timeoutMs: CALL_TIMEOUT_MS });
    checkIssued(certificateChain, credentials.caCertificate, credentials.workload);
    return { ...credentials, privateKey, certificateChain: formatPem(certificateChain) };
  } finally {
    client.close();
  }
}

function checkIssued(chain: readonly Uint8Array[], caCertificate: string, workload: string): string {
  const [first] = chain;
  const leaf = first === undefined ? undefined : new X509Certificate(first);
  const named = leaf === undefined ? undefined : workloadOfCertificate(leaf);
  if (leaf === undefined || named !== workload || !leaf.checkIssued(new X509Certificate(caCertificate))) {
    throw agentError(
      "certificate-unusable",
      `the controller sent a certificate that does not speak for \`${workload}\``,
      "see the controller's log; agent and controller may be of versions that don't fit",
    );
  }
  return named;
}
