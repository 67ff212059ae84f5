import { type FileHandle, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { expandArgumentFiles } from "./argument-files.ts";
import { isUnchanged } from "./digest.ts";
import type { FileTools } from "./executable-file.ts";
import { type Clock, type Execution, isOlderThan, isWayOlderThan } from "./execution.ts";
import { firstFile, openPlainFile } from "./first-file.ts";
import { foreignEntries } from "./foreign-hands.ts";
import type { ScriptFacts } from "./identity-book.ts";
import {
  injectingEnvironment,
  splitVariable,
  UNREAD_ENVIRONMENT,
  withInjected,
} from "./injecting-environment.ts";
import { interpreterOf, resolveScript, type ScriptSource } from "./interpreters/resolve-script.ts";
import { readProcLink } from "./proc.ts";
import { readDigest } from "./read-digest.ts";
import { userPackages } from "./user-packages.ts";
import type { WalkedPath } from "./walk-path.ts";

/** The script of an execution, found and opened but not read yet. */
export type OpenScript = {
  readonly environment: readonly string[];
  readonly found:
    | { readonly kind: "facts"; readonly facts: SourceFacts }
    | { readonly kind: "file"; readonly walked: WalkedPath; readonly file: FileHandle };
};

/**
 * Java goes to its folder of performance data and back when it starts: times and milliseconds to look again for a process
 * that is not where it was started.
 */
export const DIRECTORY_TRIES_MAX = 8;
const DIRECTORY_RETRY_MS = 5;

type SourceFacts = Omit<ScriptFacts, "environment">;

/**
 * Finds and opens what an execution runs beside its executable. To be done at once: it reads the process's root and
 * directory, which are gone when a short-lived process is.
 */
export async function openScript(
  execution: Execution,
  executable: string,
  clock: Clock,
): Promise<OpenScript> {
  const { tgid } = execution;
  const root = (await readProcLink(tgid, "root")) ?? "/";
  for (let tries = 1; ; tries++) {
    const cwd = withinRoot((await readProcLink(tgid, "cwd")) ?? "/", root);
    const { source, environment, usesDirectory } = await resolveIn(cwd, execution, executable, clock);
    // A relative path must mean what it meant when the interpreter was called.
    if (!usesDirectory || (await wasStartedIn(cwd, execution))) {
      return { environment, found: await openSource(source, execution) };
    }
    if (tries >= DIRECTORY_TRIES_MAX) return { environment, found: facts(null, "deleted") };
    await sleep(DIRECTORY_RETRY_MS);
  }
}

async function resolveIn(cwd: string, execution: Execution, executable: string, clock: Clock) {
  const { environment, filename, argvTruncated } = execution;
  const expanded = await expandArgumentFiles(execution, executable, cwd, clock);
  const { source, injected } = resolveScript({
    executable,
    filename: filename === "" ? executable : filename,
    argv: expanded ?? [],
    // A file of arguments that can't be trusted leaves open what stands in it.
    truncated: argvTruncated || expanded === undefined,
    cwd,
    environment: new Map(environment.map(splitVariable)),
  });
  const interpreter = interpreterOf(executable)?.name;
  const variables = injectingEnvironment(environment, interpreter);
  // What the kernel did not read may hold anything by now.
  if (execution.environmentTruncated && (execution.injected || interpreter !== undefined))
    injected.push(UNREAD_ENVIRONMENT);
  injected.push(...foreignEntries(execution.foreign));
  const packages = interpreter === "python" ? await userPackages(execution, clock) : undefined;
  if (packages !== undefined) injected.push(packages);
  const usesDirectory = expanded !== execution.argv || (source.kind === "file" && source.relative);
  return { source, environment: withInjected(variables, injected), usesDirectory };
}

/** Reads and judges what was opened. */
export async function identifyScript(
  execution: Execution,
  script: OpenScript,
  tools: FileTools,
  isWanted: () => boolean,
): Promise<ScriptFacts> {
  const { environment, found } = script;
  if (found.kind === "facts") return { ...found.facts, environment };
  return { ...(await hashScript(found, execution, tools, isWanted)), environment };
}

export async function closeScript({ found }: OpenScript): Promise<void> {
  if (found.kind === "file") await found.file.close();
}

async function openSource(source: ScriptSource, execution: Execution): Promise<OpenScript["found"]> {
  const root = `/proc/${execution.tgid}/root`;
  switch (source.kind) {
    case "none":
      return facts(null, null);
    case "unattributable":
      return facts(null, source.why);
    case "file":
      return openWalked(root, await firstFile(source.candidates, root), source.candidates[0]?.path ?? null);
  }
}

async function openWalked(
  root: string,
  walked: WalkedPath | undefined,
  wanted: string | null,
): Promise<OpenScript["found"]> {
  if (walked === undefined) return facts(wanted, "deleted");
  const file = await openPlainFile(root + walked.path);
  return file === undefined ? facts(walked.path, "deleted") : { kind: "file", walked, file };
}

function facts(script: string | null, unattributable: ScriptFacts["unattributable"]): OpenScript["found"] {
  return { kind: "facts", facts: { script, scriptSha256: null, unattributable } };
}

async function hashScript(
  { walked, file }: Extract<OpenScript["found"], { kind: "file" }>,
  execution: Execution,
  tools: FileTools,
  isWanted: () => boolean,
): Promise<SourceFacts> {
  const before = await file.stat({ bigint: true });
  const digest = await readDigest(file, before, tools, { tenant: execution.tenant, isWanted });
  const after = await file.stat({ bigint: true });
  const isOld =
    isOlderThan(execution, after.ctimeNs, tools.clock) && isWayOlderThan(execution, walked, tools.clock);
  const same = isUnchanged(walked.stat, before) && isUnchanged(before, after);
  if (!same || !isOld) {
    return { script: walked.path, scriptSha256: null, unattributable: "deleted" };
  }
  if (digest === null) return { script: walked.path, scriptSha256: null, unattributable: "oversized" };
  const owner = await tools.packages.find(walked.path, digest);
  const earlier = owner?.supersedes ?? [];
  return {
    script: walked.path,
    scriptSha256: digest.sha256,
    ...(earlier.length === 0 ? {} : { scriptSupersedes: earlier }),
    unattributable: null,
  };
}

/**
 * Whether this path is the directory of the exec. The path itself is looked at, not where the process is now: it may go
 * there and back while we look.
 */
async function wasStartedIn(cwd: string, { tgid, cwdInode }: Execution): Promise<boolean> {
  if (cwdInode === undefined) return true;
  const now = await stat(`/proc/${tgid}/root${cwd}`, { bigint: true }).catch(() => undefined);
  return now?.ino === cwdInode;
}

function withinRoot(path: string, root: string): string {
  const plain = path.replace(/ \(deleted\)$/, "");
  if (root === "/" || !(plain === root || plain.startsWith(`${root}/`))) return plain;
  return plain.slice(root.length) || "/";
}
