// The one place that loads @peculiar/x509: it needs reflect-metadata before it, and a crypto provider.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto as webcrypto.Crypto);

export { x509 };

/** P-256 with SHA-256: what every TLS stack has, and small. */
export const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
export const SIGNING_ALGORITHM = { name: "ECDSA", hash: "SHA-256" } as const;
