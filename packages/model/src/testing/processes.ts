import type { ProcessIdentity } from "../records/identity.ts";

/** A process of which only `parts` are known, for tests and benchmarks. */
export function processOf(parts: Partial<ProcessIdentity> = {}): ProcessIdentity {
  return {
    exe: "/bin/p",
    exeSha256: null,
    script: null,
    scriptSha256: null,
    unattributable: null,
    user: null,
    unit: null,
    container: null,
    image: null,
    package: null,
    evidence: null,
    environment: [],
    ...parts,
  };
}
