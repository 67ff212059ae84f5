import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { EvidenceBook } from "../evidence/evidence-book.ts";
import type { Digest } from "./digest.ts";
import { createPackageIndexBuilder, type PackageIndex } from "./package-index.ts";

/** Programs whose package is known; past it further ones count as belonging to none. */
export const PACKAGE_FILES_MAX = 65_536;
/** What may be a program: something in a `bin`, or below `lib` or `opt` with a name without a suffix. */
const PROGRAM = /(?:^|\/)(?:s?bin|libexec|games)\/[^/]+$|^(?:(?:usr\/)?lib|opt)\/.*\/[^./]+$/;

export type PackageLookup = {
  /** Reads the lists ahead. */
  readonly warm: () => Promise<void>;
  /**
   * The package that ships this very content at this path, or null: a changed file belongs to no package. `deb-repo` where
   * a .deb from a signed index holds it, `rpm-signed` where the signed header of an installed rpm does, else
   * `manifest-only`, which rests on dpkg's unsigned MD5 lists.
   */
  readonly find: (path: string, digest: Digest) => Promise<PackageOwner | null>;
  /**
   * The same by what is known now. INVARIANT: who holds up an execution asks this: the tools that look at packages are
   * executions too, and would wait for themselves.
   */
  readonly findKnown: (path: string, digest: Digest) => Promise<PackageOwner | null>;
};

export type PackageOwner = {
  readonly package: string;
  readonly evidence: "rpm-signed" | "deb-repo" | "manifest-only";
  /** What the same package had here before, where the present content is signed. */
  readonly supersedes: readonly string[];
};

/** What the package manager's hook has left, and what came of it. */
export type PackageEvidence = { readonly book: EvidenceBook; readonly settle: () => Promise<void> };

export function createPackageLookup(folder = "/var/lib/dpkg", evidence?: PackageEvidence): PackageLookup {
  let index: Promise<PackageIndex> | undefined;
  let indexedMs = -1;

  async function load(): Promise<PackageIndex> {
    // dpkg replaces this file with every change of any package.
    const changedMs = await stat(join(folder, "status")).then(
      (status) => status.mtimeMs,
      () => 0,
    );
    if (index === undefined || changedMs !== indexedMs) {
      indexedMs = changedMs;
      index = readIndex(join(folder, "info"));
    }
    return index;
  }

  async function findKnown(path: string, { sha256, md5 }: Digest): Promise<PackageOwner | null> {
    const signed = evidence === undefined ? undefined : findSigned(evidence.book, path, sha256);
    if (signed !== undefined) return signed;
    const { packageOf } = await load();
    const inList = path.slice(1);
    const owner = packageOf(inList, md5) ?? packageOf(inList.replace(/^usr\//, ""), md5);
    if (owner === undefined) return null;
    evidence?.book.noteListed(path, { package: owner, sha256 });
    return { package: owner, evidence: "manifest-only", supersedes: [] };
  }

  return {
    findKnown,
    warm: async () => {
      await load();
    },
    find: async (path, digest) => {
      // What was installed a moment ago may not have been looked at yet.
      await evidence?.settle();
      return findKnown(path, digest);
    },
  };
}

function findSigned(book: EvidenceBook, path: string, sha256: string): PackageOwner | undefined {
  const shipped = book.shippedAt(path);
  const at = shipped.findIndex((one) => one.sha256 === sha256);
  const own = shipped[at];
  if (own === undefined) return undefined;
  // Only what came before: going back to an older version is no upgrade.
  const earlier = [...shipped.slice(0, at), ...book.listedAt(path)]
    .filter((one) => one.package === own.package && one.sha256 !== sha256)
    .map((one) => one.sha256);
  return { package: own.package, evidence: own.evidence, supersedes: [...new Set(earlier)].sort() };
}

async function readIndex(folder: string): Promise<PackageIndex> {
  const index = createPackageIndexBuilder(PACKAGE_FILES_MAX);
  const files = await readdir(folder).catch(() => []);
  for (const file of files) {
    if (!file.endsWith(".md5sums")) continue;
    const name = file.slice(0, -".md5sums".length).replace(/:[a-z0-9]+$/, "");
    const text = await readFile(join(folder, file), "utf8").catch(() => "");
    for (const { path, md5 } of parseMd5sums(text)) {
      if (PROGRAM.test(path) && !index.add(path, md5, name)) return index.build();
    }
  }
  return index.build();
}

/** Lines of md5sum(1): 32 digits, two blanks, a path without the leading slash. */
export function* parseMd5sums(text: string): Generator<{ readonly path: string; readonly md5: string }> {
  for (const line of text.split("\n")) {
    if (line.length > 34 && line.startsWith("  ", 32)) yield { md5: line.slice(0, 32), path: line.slice(34) };
  }
}
