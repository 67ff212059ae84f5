import type { ProcessIdentity, SoftwareEntry } from "@ringwall/model";

/** What can be said of something that may not be known: null is "can't be told". */
export type Truth = boolean | null;

/** A process as far as it is known: null or absent digests, paths, … are "not known" here only if undefined. */
/** An entry as a host has it: with what becomes of it when its package is upgraded. */
export type HostSoftwareEntry = SoftwareEntry & { readonly upgrades?: "signed" | undefined };

export type KnownProcess = {
  readonly [Key in keyof ProcessIdentity]: ProcessIdentity[Key] | undefined;
};

/**
 * Whether a process is this software: any entry, all fields of it (2-policy, `Software`). Null = can't be told, since
 * a digest is not known: an allow reads it as no, a deny as yes. Code without a file and code-injecting variables are
 * no software unless the entry lists them.
 */
export function matchSoftware(entries: readonly HostSoftwareEntry[], identity: KnownProcess): Truth {
  return anyOf(entries.map((entry) => matchEntry(entry, identity)));
}

export function allOf(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  return truths.includes(null) ? null : true;
}

export function anyOf(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true;
  return truths.includes(null) ? null : false;
}

function matchEntry(entry: HostSoftwareEntry, identity: KnownProcess): Truth {
  const { executable, script, image } = entry;
  const listed = identity.unattributable ?? null;
  const follows = entry.upgrades === "signed";
  return allOf([
    executable?.package === undefined ? true : matchPackage(executable.package, identity),
    executable?.path === undefined ? true : same(executable.path, identity.exe),
    executable?.sha256 === undefined
      ? true
      : matchDigest(executable.sha256, identity.exeSha256, follows ? identity.supersedes : undefined),
    script?.path === undefined ? true : same(script.path, identity.script),
    script?.sha256 === undefined ? true : matchScriptDigest(script.sha256, identity, follows),
    script === undefined || identity.script === undefined ? true : identity.script !== null,
    image === undefined ? true : same(image, identity.image),
    listed === null ? true : (entry.unattributable?.includes(listed) ?? false),
    (identity.environment ?? []).every((variable) => entry.environment?.includes(variable) ?? false),
  ]);
}

/** The package's manifest vouches for the file: a name alone, without evidence that the content is the package's, is nothing. */
function matchPackage(wanted: string, identity: KnownProcess): Truth {
  const named = same(wanted, identity.package);
  if (named !== true) return named;
  return identity.evidence === undefined ? null : identity.evidence !== null;
}

/** The digest itself, or one that its package's signed upgrade took the place of. */
function matchDigest(
  wanted: string | readonly string[],
  digest: string | null | undefined,
  supersedes: readonly string[] | undefined,
): Truth {
  if (digest === null || digest === undefined) return null;
  const list = typeof wanted === "string" ? [wanted] : wanted;
  return list.includes(digest) || (supersedes ?? []).some((earlier) => list.includes(earlier));
}

function matchScriptDigest(
  wanted: string | readonly string[],
  identity: KnownProcess,
  follows: boolean,
): Truth {
  if (identity.script === null) return false;
  return matchDigest(wanted, identity.scriptSha256, follows ? identity.scriptSupersedes : undefined);
}

function same(wanted: string, value: string | null | undefined): Truth {
  return value === undefined ? null : value === wanted;
}
