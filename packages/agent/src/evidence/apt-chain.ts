import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { dearmorAll, parseRelease, parseShellLines, parseSignedBy, parseStanza } from "./apt-text.ts";
import { runTool, streamTool, type ToolEnvironment } from "./run-tool.ts";

/** A package as a signed index names it. */
export type SignedPackage = {
  readonly package: string;
  readonly version: string;
  readonly architecture: string;
  /** Fingerprint of the key whose signature covers it. */
  readonly signedBy: string;
};

const APT_HELPER = "/usr/lib/apt/apt-helper";
/** Bytes of one stanza of a Packages file; a longer one is not what apt writes. */
const STANZA_BYTES_MAX = 1024 * 1024;

/**
 * Which of these .deb digests are in an index that a repository's signature covers: InRelease (or Release with
 * Release.gpg) verified by gpgv with apt's own keys → the digest of the Packages file → the stanza of the .deb. What apt
 * merely trusts (`[trusted=yes]`) is not signed. `environment` may hold APT_CONFIG for another root.
 */
export async function findSigned(
  debs: ReadonlySet<string>,
  environment: ToolEnvironment = {},
): Promise<ReadonlyMap<string, SignedPackage>> {
  const found = new Map<string, SignedPackage>();
  if (debs.size === 0) return found;
  const work = await mkdtemp(join(tmpdir(), "ringwall-apt-"));
  try {
    const keyrings = await collectKeyrings(work, environment);
    const releases = new Map<string, Promise<VerifiedRelease | undefined>>();
    for (const { metaKey, file } of await listTargets(environment)) {
      const prefix = prefixOf(file, metaKey);
      if (prefix === undefined) continue;
      const release = releases.get(prefix) ?? verifyRelease(prefix, keyrings, work, environment);
      releases.set(prefix, release);
      const verified = await release;
      const expected = verified?.digests.get(metaKey);
      if (verified === undefined || expected === undefined) continue;
      const { sha256, stanzas } = await scanPackages(file, debs, environment);
      if (sha256 !== expected) continue;
      for (const [deb, fields] of stanzas) found.set(deb, { ...fields, signedBy: verified.signedBy });
    }
    return found;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function listTargets(environment: ToolEnvironment) {
  const format = "$(METAKEY)\t$(FILENAME)";
  const text = await runTool(
    "apt-get",
    ["indextargets", "--format", format, "Created-By: Packages"],
    environment,
  );
  return text.split("\n").flatMap((line) => {
    const [metaKey, file] = line.split("\t");
    return metaKey === undefined || file === undefined ? [] : [{ metaKey, file }];
  });
}

/** Lists are named after their addresses: what stands before the index's own name belongs to the release. */
function prefixOf(file: string, metaKey: string): string | undefined {
  const plain = file.replace(/\.(?:lz4|zst|gz|xz|bz2|lzma)$/, "");
  const own = metaKey.replaceAll("/", "_");
  return plain.endsWith(own) ? plain.slice(0, -own.length) : undefined;
}

type VerifiedRelease = { readonly digests: ReadonlyMap<string, string>; readonly signedBy: string };

async function verifyRelease(
  prefix: string,
  keyrings: readonly string[],
  work: string,
  environment: ToolEnvironment,
): Promise<VerifiedRelease | undefined> {
  const output = join(work, `${basename(prefix)}verified`);
  const keys = keyrings.flatMap((file) => ["--keyring", file]);
  const base = ["--homedir", work, ...keys, "--status-fd", "1"];
  const clear = [...base, "--output", output, `${prefix}InRelease`];
  // gpgv fails where one of several signatures has no known key; what counts is one good and no bad one.
  const ask = (args: readonly string[]) => readStatus(args, environment);
  const signedBy = await ask(clear);
  if (signedBy !== undefined) return { digests: parseRelease(await readFile(output, "utf8")), signedBy };
  const detached = await ask([...base, `${prefix}Release.gpg`, `${prefix}Release`]);
  if (detached === undefined) return undefined;
  return { digests: parseRelease(await readFile(`${prefix}Release`, "utf8")), signedBy: detached };
}

async function readStatus(
  args: readonly string[],
  environment: ToolEnvironment,
): Promise<string | undefined> {
  let text = "";
  try {
    for await (const chunk of streamTool("gpgv", args, environment)) text += chunk.toString("utf8");
  } catch {
    // Its status lines have said why.
  }
  if (/^\[GNUPG:\] (?:BADSIG|ERRSIG .* 4 |NODATA|UNEXPECTED)/m.test(text)) return undefined;
  return /^\[GNUPG:\] VALIDSIG ([0-9A-F]{40,64}) /m.exec(text)?.[1];
}

/** Reads a Packages file as apt keeps it, whole for its digest, and picks the stanzas of the .debs. */
async function scanPackages(file: string, debs: ReadonlySet<string>, environment: ToolEnvironment) {
  const hash = createHash("sha256");
  const stanzas = new Map<string, Omit<SignedPackage, "signedBy">>();
  let rest = "";
  const take = (stanza: string) => {
    const sha256 = /^SHA256: ([0-9a-f]{64})$/m.exec(stanza)?.[1];
    if (sha256 === undefined || !debs.has(sha256)) return;
    const fields = parseStanza(stanza);
    const name = fields.get("package");
    const version = fields.get("version");
    if (name === undefined || version === undefined) return;
    stanzas.set(sha256, { package: name, version, architecture: fields.get("architecture") ?? "" });
  };
  for await (const chunk of streamTool(APT_HELPER, ["cat-file", file], environment)) {
    hash.update(chunk);
    const parts = (rest + chunk.toString("latin1")).split("\n\n");
    rest = parts.pop() ?? "";
    if (rest.length > STANZA_BYTES_MAX) throw new Error(`\`${file}\` is no list of packages`);
    for (const part of parts) take(part);
  }
  take(rest);
  return { sha256: hash.digest("hex"), stanzas };
}

/** apt's trusted keys and those its sources name, as binary key rings that gpgv reads. */
async function collectKeyrings(work: string, environment: ToolEnvironment): Promise<string[]> {
  const places = parseShellLines(
    await runTool(
      "apt-config",
      [
        ...["shell", "TRUSTED", "Dir::Etc::trusted/f", "PARTS", "Dir::Etc::trustedparts/d"],
        ...["SOURCES", "Dir::Etc::sourcelist/f", "SPARTS", "Dir::Etc::sourceparts/d"],
      ],
      environment,
    ),
  );
  const place = (name: string) => places.get(name) ?? "";
  const files = [place("TRUSTED"), ...(await filesIn(place("PARTS"), /\.(?:gpg|asc)$/))];
  const keys: Buffer[] = [];
  for (const source of [place("SOURCES"), ...(await filesIn(place("SPARTS"), /\.(?:list|sources)$/))]) {
    const signedBy = parseSignedBy(await readFile(source, "utf8").catch(() => ""));
    files.push(...signedBy.files);
    keys.push(...signedBy.keys);
  }
  for (const file of new Set(files)) {
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes === undefined || bytes.length === 0) continue;
    const armoured = dearmorAll(bytes.toString("latin1"));
    keys.push(...(armoured.length > 0 ? armoured : [bytes]));
  }
  return Promise.all(
    keys.map(async (key, index) => {
      const file = join(work, `keys-${index}.gpg`);
      await writeFile(file, key, { mode: 0o600 });
      return file;
    }),
  );
}

async function filesIn(folder: string, suffix: RegExp): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => suffix.test(name)).map((name) => join(folder, name));
}
