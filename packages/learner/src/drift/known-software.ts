import type { ProcessIdentity, Software } from "@ringwall/model";
import { matchSoftware } from "@ringwall/policy";
import { isSigned } from "../software/software-group.ts";

/** What a policy's Software documents make of a program. */
export type Recognition =
  | { readonly kind: "known"; readonly software: string }
  /** Same place, other content. `isVouched`: its package's signature covers the new content. */
  | { readonly kind: "changed"; readonly software: string; readonly isVouched: boolean }
  | { readonly kind: "unknown" };

export function recognise(identity: ProcessIdentity, software: readonly Software[]): Recognition {
  const known = software.find((one) => matchSoftware(one.spec.anyOf, identity) === true);
  if (known !== undefined) return { kind: "known", software: known.metadata.name };
  const place = software.find((one) =>
    one.spec.anyOf.some(
      ({ executable, script }) =>
        executable?.path === identity.exe &&
        (script === undefined ? identity.script === null : script.path === identity.script),
    ),
  );
  if (place === undefined) return { kind: "unknown" };
  const isScriptSame = place.spec.anyOf.some(
    ({ script }) => script === undefined || covers(script.sha256, identity.scriptSha256),
  );
  return { kind: "changed", software: place.metadata.name, isVouched: isSigned(identity) && isScriptSame };
}

function covers(digests: string | readonly string[] | undefined, digest: string | null): boolean {
  if (digests === undefined) return true;
  return digest !== null && (typeof digests === "string" ? digests === digest : digests.includes(digest));
}
