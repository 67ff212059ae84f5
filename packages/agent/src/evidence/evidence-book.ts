import { appendFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { makeFolder } from "../state/make-folder.ts";
import { saveFile } from "../state/save-file.ts";

/** Files with evidence that are kept in memory; past it further ones count as having none. */
export const EVIDENCE_FILES_MAX = 200_000;

/** Programs that only dpkg's list vouches for, by path, whose digests are remembered. */
export const LISTED_MAX = 16_384;

const listedLine = z.object({ path: z.string(), package: z.string(), sha256: z.string() });

/** What a signed package is known to have shipped. */
const evidenceRecord = z.object({
  /** Absent: a .deb. */
  kind: z.literal("rpm").optional(),
  package: z.string().min(1).max(256),
  version: z.string().min(1).max(256),
  architecture: z.string().max(64),
  /** Of the .deb, or of an rpm's header. */
  debSha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** The key's fingerprint; of an rpm its id. */
  signedBy: z.string().regex(/^[0-9A-F]{8,64}$/),
  capturedMs: z.number().int(),
  /** Digests by absolute path. */
  files: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
});
export type EvidenceRecord = z.infer<typeof evidenceRecord>;

export type Shipped = {
  readonly package: string;
  readonly version: string;
  readonly sha256: string;
  readonly evidence: "rpm-signed" | "deb-repo";
};

export type Listed = Pick<Shipped, "package" | "sha256">;

export type EvidenceBook = {
  readonly add: (record: EvidenceRecord) => Promise<void>;
  /** Every content that a signed package has shipped at this path, in the order of their capture. */
  readonly shippedAt: (path: string) => readonly Shipped[];
  readonly has: (debSha256: string) => boolean;
  /** Contents of this path that only dpkg's unsigned list vouched for when they were met. */
  readonly listedAt: (path: string) => readonly Listed[];
  readonly noteListed: (path: string, listed: Listed) => void;
  readonly counts: () => { readonly packages: number; readonly files: number; readonly overflows: number };
};

/** One file for each .deb in the folder, mode 0600; a damaged one is passed over. */
export async function openEvidenceBook(folder: string, filesMax = EVIDENCE_FILES_MAX): Promise<EvidenceBook> {
  await makeFolder(folder, 0o700);
  const debs = new Set<string>();
  const shipped = new Map<string, Shipped[]>();
  const listed = new Map<string, Listed[]>();
  const listFile = join(folder, "listed.ndjson");
  let files = 0;
  let overflows = 0;

  function take({ kind, package: name, version, debSha256, files: contents }: EvidenceRecord): void {
    if (debs.has(debSha256)) return;
    debs.add(debSha256);
    const evidence = kind === "rpm" ? "rpm-signed" : "deb-repo";
    for (const [path, sha256] of Object.entries(contents)) {
      if (files >= filesMax) {
        overflows++;
        continue;
      }
      files++;
      const one = { package: name, version, sha256, evidence } as const;
      const place = installedPath(path);
      const list = shipped.get(place);
      if (list === undefined) shipped.set(place, [one]);
      else list.push(one);
    }
  }

  const records: EvidenceRecord[] = [];
  for (const name of await readdir(folder)) {
    const record = name.endsWith(".json") ? await readRecord(join(folder, name)) : undefined;
    if (record !== undefined) records.push(record);
  }
  for (const record of records.sort((a, b) => a.capturedMs - b.capturedMs)) take(record);

  function takeListed(path: string, one: Listed): boolean {
    const known = listed.get(path) ?? [];
    if (known.some(({ sha256 }) => sha256 === one.sha256) || listed.size >= LISTED_MAX) return false;
    listed.set(path, [...known, one]);
    return true;
  }

  for (const line of (await readFile(listFile, "utf8").catch(() => "")).split("\n")) {
    const entry = listedLine.safeParse(parseJson(line)).data;
    if (entry !== undefined) takeListed(entry.path, { package: entry.package, sha256: entry.sha256 });
  }

  return {
    listedAt: (path) => listed.get(installedPath(path)) ?? [],
    noteListed: (path, one) => {
      const place = installedPath(path);
      if (!takeListed(place, one)) return;
      // Without waiting for the disk: losing the line costs one upgrade its predecessor.
      appendFileSync(listFile, `${JSON.stringify({ path: place, ...one })}\n`, { mode: 0o600 });
    },
    has: (debSha256) => debs.has(debSha256),
    shippedAt: (path) => shipped.get(installedPath(path)) ?? [],
    counts: () => ({ packages: debs.size, files, overflows }),
    add: async (record) => {
      await saveFile(join(folder, `${record.debSha256}.json`), `${JSON.stringify(record)}\n`, 0o600);
      take(record);
    },
  };
}

/** Where merged /usr puts a file that a package still ships below /bin, /sbin or /lib. */
function installedPath(path: string): string {
  return path.replace(/^\/(bin|sbin|lib|lib64|libx32|lib32)\//, "/usr/$1/");
}

async function readRecord(file: string): Promise<EvidenceRecord | undefined> {
  return evidenceRecord.safeParse(parseJson(await readFile(file, "utf8").catch(() => ""))).data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
