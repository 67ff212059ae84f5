/** What rpm's tools print: readers of its lines as they come, since a database with many packages says much. */

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
export async function readHeaders(lines: AsyncIterable<string>): Promise<readonly RpmHeader[]> {
  const headers: RpmHeader[] = [];
  let said: string[] = [];
  for await (const line of lines) {
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

/** Packages with their files, of headers that were found good before; each as soon as its last line has come. */
export async function* readRpmPackages(lines: AsyncIterable<string>): AsyncGenerator<RpmPackage> {
  let open: OpenPackage | undefined;
  for await (const line of lines) {
    if (open !== undefined && open.names === undefined) open.names = line.split("\t");
    else if (open !== undefined && FILE_OR_LINK.test(line)) takeFile(open, line);
    else {
      yield* closePackage(open);
      open = openPackage(line);
    }
  }
  yield* closePackage(open);
}

type OpenPackage = {
  readonly sha256: string;
  readonly algorithm: string;
  readonly signature: string;
  /** Name, version, architecture: the line after the first. */
  names: readonly string[] | undefined;
  readonly files: RpmFile[];
};

function openPackage(line: string): OpenPackage | undefined {
  const [, sha256, algorithm = "", signature = ""] = PACKAGE.exec(line) ?? [];
  return sha256 === undefined ? undefined : { sha256, algorithm, signature, names: undefined, files: [] };
}

function takeFile({ files }: OpenPackage, line: string): void {
  const [, digest, mode, path] = FILE.exec(line) ?? [];
  if (digest === undefined || path === undefined || files.length >= RPM_FILES_MAX) return;
  files.push({ path, sha256: digest, mode: Number.parseInt(mode ?? "0", 8) });
}

function closePackage(open: OpenPackage | undefined): readonly RpmPackage[] {
  const [name = "", version = "", architecture = ""] = open?.names ?? [];
  if (open === undefined || name === "" || open.algorithm !== SHA256_ALGORITHM) return [];
  const keyId = KEY_ID.exec(open.signature)?.[1]?.toUpperCase() ?? null;
  return [{ sha256: open.sha256, keyId, name, version, architecture, files: open.files }];
}

/** Folders and links have no digest. */
const FILE_OR_LINK = /^(?:[0-9a-f]{32,128})? [0-7]{1,7} \//;
