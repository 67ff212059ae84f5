import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { givenUp } from "../end.ts";
import { PROGRAM_FILE } from "./collect-debs.ts";
import type { EvidenceBook, EvidenceRecord } from "./evidence-book.ts";
import { type RpmHeader, readHeaders, readRpmPackages } from "./rpm-text.ts";
import { runTool, type ToolEnvironment, toolLines } from "./run-tool.ts";

/** Milliseconds until a machine without rpm, or whose rpm fails, is asked again. */
export const RPM_RETRY_MS = 60_000;
/** Packages whose files are read in one go. */
export const RPMS_AT_ONCE = 100;

export type RpmCollector = {
  /** Looks at what rpm has installed since; done when all of it is in the book or known to be unsigned. */
  readonly settle: () => Promise<void>;
};

/**
 * Evidence of what rpm installed. rpm keeps each package's header with its signature, and checks it against the keys in its
 * keyring whenever it reads the header; a header holds the SHA-256 of every file. So no hook is needed: what counts is
 * what rpm says of its database now, and an entry that was changed there is none.
 * @param dbPath rpm's database; null: where rpm says that it is
 */
export function createRpmCollector(
  book: EvidenceBook,
  dbPath: string | null = null,
  environment: ToolEnvironment = {},
  nowMs: () => number = Date.now,
): RpmCollector {
  const place = { path: dbPath };
  const seen = new Set<string>();
  let settled = "";
  let failedMs = -RPM_RETRY_MS;
  let running: Promise<void> | undefined;

  async function collect(): Promise<void> {
    place.path ??= await askDbPath(environment);
    const state = stateOf(place.path);
    if (state === "" || state === settled) return;
    const listing = toolLines(
      "sh",
      ["-c", 'exec "$@" 2>&1', "sh", "rpm", "--dbpath", place.path, ...LIST],
      environment,
    );
    const fresh = (await readHeaders(listing)).filter(({ sha256 }) => !seen.has(sha256) && !book.has(sha256));
    let failure: unknown;
    for (let from = 0; from < fresh.length; from += RPMS_AT_ONCE) {
      // What rpm can't say of some must not cost the others their evidence; those are asked for again later.
      await readFiles(place.path, fresh.slice(from, from + RPMS_AT_ONCE)).catch((error: unknown) => {
        failure = error;
      });
    }
    if (failure !== undefined) throw failure;
    settled = state;
  }

  /** Each package is written down as it comes: how much rpm says of all of them does not matter. */
  async function readFiles(dbPath: string, some: readonly RpmHeader[]): Promise<void> {
    const ids = some.map(({ sha1 }) => sha1);
    const signed = new Set(some.map(({ sha256 }) => sha256));
    const said = toolLines("rpm", ["--dbpath", dbPath, "-q", "--hdrid", ...ids, "--qf", FILES], environment);
    for await (const { sha256, keyId, ...one } of readRpmPackages(said)) {
      if (!signed.has(sha256) || keyId === null) continue;
      const files = one.files.filter(({ path, mode }) => (mode & 0o111) !== 0 || PROGRAM_FILE.test(path));
      await book.add({
        kind: "rpm",
        ...{ package: one.name, version: one.version, architecture: one.architecture },
        ...{ debSha256: sha256, signedBy: keyId, capturedMs: nowMs() },
        files: Object.fromEntries(files.map((file) => [file.path, file.sha256])),
      } satisfies EvidenceRecord);
    }
    for (const { sha256 } of some) seen.add(sha256);
  }

  return {
    settle: () => {
      if (nowMs() - failedMs < RPM_RETRY_MS) return Promise.resolve();
      running ??= collect()
        // Without its answer there is no evidence.
        .catch(() => {
          givenUp.throwIfAborted();
          failedMs = nowMs();
        })
        .finally(() => {
          running = undefined;
        });
      return running;
    },
  };
}

/** One line for each header; what rpm made of its signature comes before it. */
const LIST = ["-qa", "-vv", "--qf", "@header %{SHA256HEADER} %{SHA1HEADER}\\n"];
/** Of packages whose signature rpm has checked: their text is their signer's. */
const FILES =
  "@package %{SHA256HEADER} %{FILEDIGESTALGO} %{RSAHEADER:pgpsig}|%{DSAHEADER:pgpsig}\\n%{NAME}\\t%{EVR}\\t%{ARCH}\\n" +
  "[%{FILEDIGESTS} %{FILEMODES:octal} %{FILENAMES}\\n]";

/** Where rpm keeps its database; throws where there is no rpm. */
async function askDbPath(environment: ToolEnvironment): Promise<string> {
  return (await runTool("rpm", ["--eval", "%{_dbpath}"], environment)).trim();
}

/**
 * What changes with every transaction, and not with reading; empty without a database. Asked once a second: threads of
 * their own would cost more than a handful of looks.
 */
function stateOf(folder: string): string {
  const states: string[] = [];
  for (const name of namesIn(folder)) {
    if (/-shm$|lock$/.test(name)) continue;
    const found = statSync(join(folder, name), { throwIfNoEntry: false });
    // A reader makes an empty one.
    if (found !== undefined && found.size > 0) states.push(`${name} ${found.mtimeMs} ${found.size}`);
  }
  return states.sort().join("\n");
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
