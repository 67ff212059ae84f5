/** What rpm's tools print: pure readers. */

export type RpmHeader = { readonly sha256: string; readonly sha1: string };
export type RpmFile = { readonly path: string; readonly sha256: string; readonly mode: number };
export type RpmPackage = {
  readonly sha256: string;
  /** Of the key that signed the header; null where none did. */
  readonly keyId: string | null;
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly files: readonly RpmFile[];
};

/** Files of one package whose digests are kept. */
export const RPM_FILES_MAX = 20_000;
/** SHA-256 among the digests that a header may use. */
const SHA256_ALGORITHM = "8";
const SIGNATURE = /^\s*Header V\d+ \S+ Signature, key ID [0-9a-f]+: (\S+)/;
const HEADER = /^@header ([0-9a-f]{64}) ([0-9a-f]{40})$/;
const PACKAGE = /^@package ([0-9a-f]{64}) (\S+) (.*)$/;
const KEY_ID = /Key ID ([0-9a-f]{8,40})\b/i;
const FILE = /^([0-9a-f]{64}) ([0-7]{1,7}) (\/.+)$/;

/**
 * Headers whose signature rpm found good. Before each `@header` line stands what rpm made of its signatures; anything but
 * OK among them (BAD, NOKEY, NOTTRUSTED), or none at all, is no evidence. Nothing here is a package's own text.
 */
export function parseHeaders(text: string): readonly RpmHeader[] {
  const headers: RpmHeader[] = [];
  let said: string[] = [];
  for (const line of text.split("\n")) {
    const verdict = SIGNATURE.exec(line)?.[1];
    if (verdict !== undefined) said.push(verdict);
    if (!line.startsWith("@header ")) continue;
    const [, sha256, sha1] = HEADER.exec(line) ?? [];
    const good = said.length > 0 && said.every((one) => one === "OK");
    if (good && sha256 !== undefined && sha1 !== undefined) headers.push({ sha256, sha1 });
    said = [];
  }
  return headers;
}

/** Packages with their files, of headers that were found good before. */
export function parseRpmPackages(text: string): readonly RpmPackage[] {
  const lines = text.split("\n");
  const packages: RpmPackage[] = [];
  for (let i = 0; i < lines.length; i++) {
    const [, sha256, algorithm, signature] = PACKAGE.exec(lines[i] ?? "") ?? [];
    if (sha256 === undefined) continue;
    const [name = "", version = "", architecture = ""] = (lines[++i] ?? "").split("\t");
    const files: RpmFile[] = [];
    for (; FILE_OR_LINK.test(lines[i + 1] ?? ""); i++) {
      const [, digest, mode, path] = FILE.exec(lines[i + 1] ?? "") ?? [];
      if (digest === undefined || path === undefined || files.length >= RPM_FILES_MAX) continue;
      files.push({ path, sha256: digest, mode: Number.parseInt(mode ?? "0", 8) });
    }
    if (name === "" || algorithm !== SHA256_ALGORITHM) continue;
    const keyId = KEY_ID.exec(signature ?? "")?.[1]?.toUpperCase() ?? null;
    packages.push({ sha256, keyId, name, version, architecture, files });
  }
  return packages;
}

/** Folders and links have no digest. */
const FILE_OR_LINK = /^(?:[0-9a-f]{32,128})? [0-7]{1,7} \//;
