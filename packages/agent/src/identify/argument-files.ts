import { posix } from "node:path";
import { type Clock, type Execution, isOlderThan, isWayOlderThan } from "./execution.ts";
import { openPlainFile } from "./first-file.ts";
import { parseArgumentFile, scanJava } from "./interpreters/java.ts";
import { interpreterOf } from "./interpreters/resolve-script.ts";
import { walkPath } from "./walk-path.ts";

/** Bytes of one argument file, and files of one command, that are read; more make the program unattributable. */
export const ARGUMENT_FILE_BYTES_MAX = 256 * 1024;
export const ARGUMENT_FILES_MAX = 32;

/**
 * Puts the words of java's `@FILE` arguments in their place, up to the program. Other interpreters' arguments stay as
 * they are. Undefined where a file is not what it was when the execution began, or too large.
 */
export async function expandArgumentFiles(
  execution: Execution,
  executable: string,
  cwd: string,
  clock: Clock,
): Promise<readonly string[] | undefined> {
  const { argv } = execution;
  if (interpreterOf(executable)?.name !== "java" || !argv.some((word) => word.startsWith("@"))) return argv;
  const expanded = [argv[0] ?? ""];
  let files = 0;
  for (const [index, word] of argv.slice(1).entries()) {
    const isProgramKnown = scanJava(expanded.slice(1), "/", "").program.kind !== "none";
    if (isProgramKnown || word === "--disable-@files") {
      expanded.push(...argv.slice(index + 1));
      break;
    }
    if (!word.startsWith("@") || word === "@") expanded.push(word);
    else if (word.startsWith("@@")) expanded.push(word.slice(1));
    else {
      const words =
        files++ < ARGUMENT_FILES_MAX ? await wordsOf(word.slice(1), execution, cwd, clock) : undefined;
      if (words === undefined) return undefined;
      expanded.push(...words);
    }
  }
  return expanded;
}

async function wordsOf(
  path: string,
  execution: Execution,
  cwd: string,
  clock: Clock,
): Promise<string[] | undefined> {
  const root = `/proc/${execution.tgid}/root`;
  const walked = await walkPath(root, posix.resolve("/", cwd, path));
  if (walked?.stat.isFile() !== true || walked.stat.size > BigInt(ARGUMENT_FILE_BYTES_MAX)) return undefined;
  const file = await openPlainFile(root + walked.path);
  if (file === undefined) return undefined;
  try {
    const text = await file.readFile("utf8");
    const { ctimeNs } = await file.stat({ bigint: true });
    const isOld = isOlderThan(execution, ctimeNs, clock) && isWayOlderThan(execution, walked, clock);
    return isOld ? parseArgumentFile(text) : undefined;
  } finally {
    await file.close();
  }
}
