import { createHash, X509Certificate } from "node:crypto";
import { addAbortSignal } from "node:stream";
import { checkServerIdentity, connect, type DetailedPeerCertificate, type PeerCertificate } from "node:tls";
import { agentError } from "../agent-error.ts";
import { givenUp } from "../end.ts";

/** Milliseconds until an unanswered TLS handshake is given up. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Certificates of one chain; OpenSSL's own limit. */
const CHAIN_LENGTH_MAX = 10;

/**
 * The controller's CA certificate (PEM), known by the fingerprint that the token carries. Nothing is sent and nothing
 * else is believed on this connection: the next one is verified against the certificate returned here.
 */
export async function loadControllerCa(controller: string, caSha256: string): Promise<string> {
  const chain = await presentedChain(controller);
  const ca = chain.find((der) => createHash("sha256").update(der).digest("hex") === caSha256);
  if (ca === undefined) {
    throw agentError(
      "controller-not-trusted",
      `\`${controller}\` is not the controller that made the token: its certificates don't hold the authority \`${caSha256.slice(0, 16)}…\``,
      "check that the address is the controller's, or make a new token with `ringwall token create` there",
    );
  }
  return new X509Certificate(ca).toString();
}

function presentedChain(controller: string): Promise<readonly Buffer[]> {
  const url = new URL(controller);
  const host = hostOf(url);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: Number(url.port || 443),
      ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
      ALPNProtocols: ["h2"],
      // Only to look at the chain; see above.
      rejectUnauthorized: false,
      timeout: HANDSHAKE_TIMEOUT_MS,
    });
    addAbortSignal(givenUp, socket);
    socket.once("timeout", () =>
      socket.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })),
    );
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      const chain: Buffer[] = [];
      let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
      while (certificate?.raw !== undefined && chain.length < CHAIN_LENGTH_MAX) {
        chain.push(certificate.raw);
        const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate;
        certificate = issuer === certificate ? undefined : issuer;
      }
      socket.end();
      resolve(chain);
    });
  });
}

/** A URL's host without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

/** Besides the name: a certificate that speaks for a workload is no controller's, though the same authority issued it. */
export function checkControllerIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  if ((certificate.subjectaltname ?? "").includes("spiffe://ringwall/workload/")) {
    return Object.assign(new Error("the certificate is an agent's, not the controller's"), {
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
  }
  return checkServerIdentity(host, certificate);
}
