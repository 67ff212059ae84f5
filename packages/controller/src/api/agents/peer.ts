import type { Http2ServerRequest } from "node:http2";
import type { TLSSocket } from "node:tls";
import { Code, ConnectError, createContextKey, type HandlerContext } from "@connectrpc/connect";
import { issuedMsOf, normalSerial } from "../../pki/authority.ts";
import { workloadOfAltName } from "../../pki/spiffe.ts";
import type { ShownCertificate } from "../../store/state/credentials.ts";

/** Who is at the other end of the TLS connection, by its certificate alone. */
export type Peer =
  | { readonly kind: "none" }
  | { readonly kind: "refused"; readonly why: string }
  | ({ readonly kind: "agent"; readonly notAfterMs: number } & ShownCertificate);

/** `unknown`: no such workload is enrolled. */
export type Standing = "good" | "replaced" | "unknown";

export const peerKey = createContextKey<Peer>({ kind: "none" });

/** Who makes a request, by its connection. */
export function peerOfRequest(request: Http2ServerRequest): Peer {
  return peerOf(request.stream.session?.socket as TLSSocket | undefined);
}

/** Reads the client certificate of a connection; TLS has checked its chain already. */
export function peerOf(socket: TLSSocket | undefined): Peer {
  const certificate = socket?.getPeerCertificate?.();
  if (socket === undefined || certificate === undefined || Object.keys(certificate).length === 0) {
    return { kind: "none" };
  }
  if (!socket.authorized) return { kind: "refused", why: whyNot(socket.authorizationError) };
  const workload = workloadOfAltName(certificate.subjectaltname);
  if (workload === null) return { kind: "refused", why: "it names no workload" };
  const notAfterMs = Date.parse(certificate.valid_to);
  return {
    kind: "agent",
    workload,
    serial: normalSerial(certificate.serialNumber),
    issuedMs: issuedMsOf(Date.parse(certificate.valid_from), notAfterMs),
    notAfterMs,
  };
}

/** OpenSSL's word; the one that comes in the best of fleets in people's. */
function whyNot(code: unknown): string {
  return code === "CERT_HAS_EXPIRED" ? "it has expired" : `${code ?? "not verified"}`;
}

const ENROL_AGAIN = "enrol again with a token for this workload (`ringwall token create --name NAME`)";

/** The workload a call may speak for. `claimed` is what the message says; another name than the certificate's is refused. */
export function requireAgent(
  context: HandlerContext,
  standingOf: (certificate: ShownCertificate) => Standing,
  claimed: string | null,
): string {
  const peer = context.values.get(peerKey);
  if (peer.kind === "none") {
    throw new ConnectError("this call needs the agent's client certificate", Code.Unauthenticated);
  }
  if (peer.kind === "refused") {
    throw new ConnectError(
      `the client certificate is not accepted: ${peer.why}; ${ENROL_AGAIN}`,
      Code.Unauthenticated,
    );
  }
  if (peer.notAfterMs <= Date.now()) {
    throw new ConnectError(`the client certificate has expired; ${ENROL_AGAIN}`, Code.Unauthenticated);
  }
  const standing = standingOf(peer);
  if (standing === "unknown") {
    const why = "it was forgotten, or enrolled after the backup that the database was put back from";
    const remedy = `enrol again with a token for it (\`ringwall token create --name ${peer.workload}\`)`;
    throw new ConnectError(
      `the controller knows no workload \`${peer.workload}\`: ${why}; ${remedy}`,
      Code.Unauthenticated,
    );
  }
  if (standing === "replaced") {
    throw new ConnectError(
      `the certificate of \`${peer.workload}\` was replaced when that enrolled again; ${ENROL_AGAIN}`,
      Code.Unauthenticated,
    );
  }
  if (claimed !== null && claimed !== peer.workload) {
    throw new ConnectError(
      `the certificate speaks for \`${peer.workload}\`, and the message names \`${claimed.slice(0, 253)}\`: an agent speaks only for itself`,
      Code.PermissionDenied,
    );
  }
  return peer.workload;
}
