import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** Programs whose package is known; past it further ones count as belonging to none. */
export const PACKAGE_FILES_MAX = 65_536;
/** What may be a program: something in a `bin`, or below `lib` with a name without a suffix. */
const PROGRAM = /(?:^|\/)(?:s?bin|libexec|games)\/[^/]+$|^(?:usr\/)?lib\/.*\/[^./]+$/;

type Owner = { readonly package: string; readonly md5: string };

export type PackageLookup = {
  /** Reads the lists ahead. */
  readonly warm: () => Promise<void>;
  /**
   * The Debian package that ships this very content at this path, or null. It rests on dpkg's unsigned MD5 lists
   * (evidence `manifest-only`): a changed file belongs to no package.
   */
  readonly find: (path: string, md5: string) => Promise<string | null>;
};

export function createPackageLookup(folder = "/var/lib/dpkg"): PackageLookup {
  let index: Promise<ReadonlyMap<string, Owner>> | undefined;
  let indexedMs = -1;

  async function load(): Promise<ReadonlyMap<string, Owner>> {
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

  return {
    warm: async () => {
      await load();
    },
    find: async (path, md5) => {
      const owners = await load();
      const inList = path.slice(1);
      const owner = owners.get(inList) ?? owners.get(inList.replace(/^usr\//, ""));
      return owner !== undefined && owner.md5 === md5 ? owner.package : null;
    },
  };
}

async function readIndex(folder: string): Promise<ReadonlyMap<string, Owner>> {
  const owners = new Map<string, Owner>();
  const files = await readdir(folder).catch(() => []);
  for (const file of files) {
    if (!file.endsWith(".md5sums")) continue;
    const name = file.slice(0, -".md5sums".length).replace(/:[a-z0-9]+$/, "");
    const text = await readFile(join(folder, file), "utf8").catch(() => "");
    for (const { path, md5 } of parseMd5sums(text)) {
      if (owners.size >= PACKAGE_FILES_MAX) return owners;
      if (PROGRAM.test(path)) owners.set(path, { package: name, md5 });
    }
  }
  return owners;
}

/** Lines of md5sum(1): 32 digits, two blanks, a path without the leading slash. */
export function* parseMd5sums(text: string): Generator<{ readonly path: string; readonly md5: string }> {
  for (const line of text.split("\n")) {
    if (line.length > 34 && line.startsWith("  ", 32)) yield { md5: line.slice(0, 32), path: line.slice(34) };
  }
}
