import { name } from "@ringwall/model";

/** The trust domain of every Ringwall controller; the CA's key tells one from another. */
export const TRUST_DOMAIN = "ringwall";
const WORKLOAD_PREFIX = `spiffe://${TRUST_DOMAIN}/workload/`;

/** `spiffe://ringwall/workload/NAME`. A workload's name may hold `/`, which stays as it is; nothing else needs escaping. */
export function spiffeIdOf(workload: string): string {
  return `${WORKLOAD_PREFIX}${workload}`;
}

/** The workload's name of a SPIFFE id, or null where it is none of ours. */
export function workloadOf(uri: string): string | null {
  if (!uri.startsWith(WORKLOAD_PREFIX)) return null;
  const parsed = name.safeParse(uri.slice(WORKLOAD_PREFIX.length));
  return parsed.success ? parsed.data : null;
}

/** The workload of a certificate's `subjectAltName` as Node.js prints it (`URI:…, DNS:…`); exactly one URI is accepted. */
export function workloadOfAltName(subjectAltName: string | undefined): string | null {
  const uris = (subjectAltName ?? "")
    .split(", ")
    .filter((entry) => entry.startsWith("URI:"))
    .map((entry) => entry.slice("URI:".length));
  const [uri] = uris;
  return uris.length === 1 && uri !== undefined ? workloadOf(uri) : null;
}
