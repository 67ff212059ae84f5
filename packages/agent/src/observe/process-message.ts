import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ProcessIdentity } from "@ringwall/model";
import type { ProcessSchema } from "@ringwall/protocol/agent";

/** A process identity in the protocol's form, where empty text stands for null. */
export function toProcess(identity: ProcessIdentity): MessageInitShape<typeof ProcessSchema> {
  return {
    exe: wellFormed(identity.exe),
    exeSha256: identity.exeSha256 ?? "",
    script: wellFormed(identity.script ?? ""),
    scriptSha256: identity.scriptSha256 ?? "",
    unattributable: identity.unattributable ?? "",
    user: identity.user ?? "",
    unit: wellFormed(identity.unit ?? ""),
    container: wellFormed(identity.container ?? ""),
    image: identity.image ?? "",
    package: identity.package ?? "",
    evidence: identity.evidence ?? "",
    environment: identity.environment.map(wellFormed),
  };
}

/** Lone surrogates can't be sent: a process may call itself anything. */
function wellFormed(text: string): string {
  return text.toWellFormed();
}
